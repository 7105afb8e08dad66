/** Placeholder of content that is loading. It has about the size of the content, so that nothing jumps. */
export function Skeleton({ label, lines = 5 }: { readonly label: string; readonly lines?: number }) {
  return (
    <div class="skeleton">
      <p class="visually-hidden" role="status">
        {label}
      </p>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}
