const PATHS = {
  activity: 'M3 12h4l3-8 4 16 3-8h4',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  chevron: 'm6 9 6 6 6-6',
  copy: 'M9 9h10v10H9zM15 9V5H5v10h4',
  cross: 'M6 6l12 12M18 6 6 18',
  dots: 'M5.5 12h.01M12 12h.01M18.5 12h.01',
  download: 'M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 20h14',
  eye: 'M2.5 12s3.5-6 9.5-6 9.5 6 9.5 6-3.5 6-9.5 6-9.5-6-9.5-6zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  filter: 'M4 6h16M7 12h10M10 18h4',
  key: 'M14.5 9.5 21 3m-4 4 3 3M15 14a5 5 0 1 1-5-5 5 5 0 0 1 5 5z',
  lock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3',
  pause: 'M9 5v14M15 5v14',
  pencil: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  play: 'M8 5l11 7-11 7z',
  plus: 'M12 5v14M5 12h14',
  question: 'M9.2 9a3 3 0 1 1 4.3 2.7c-.9.5-1.5 1.1-1.5 2.3M12 17.5h.01',
  rotate: 'M20 11a8 8 0 1 0-2.3 6.2M20 5v6h-6',
  send: 'M21 4 3 11l7 3 3 7zM10 14 21 4',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4',
  sliders: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M7 14.5v5',
  trash: 'M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3',
  userOff: 'M4 20a6.5 6.5 0 0 1 9.5-5.7M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM16 16l5 5M21 16l-5 5',
  warning: 'M12 4 2.8 20h18.4zM12 10v4.5M12 17.3h.01',
} as const;
export type IconName = keyof typeof PATHS;

/** Decoration: the text beside it has the meaning. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
