import type { Prose } from './prose';

/** Words that are not used, by docs/glossary.md: what to look for, and what to write. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:whoever|nobody|somebody|anybody|everybody)(?:'s)?\b/i, 'name the caller, the process, the operator'],
  [/\bwhose it is\b/i, 'the owner'],
  [/\b(?:anew|afresh)\b/i, 'again; reconnect, retry, reload'],
  [/\b(?:meanwhile|besides|likewise)\b/i, 'say when, or "also"'],
  [/\bof (?:ours|theirs)\b/i, 'our, their'],
  [/\bcut(?:s|ting)? down\b/i, 'redact'],
  [/\blet(?:s|ting)? (?:\w+ )?(?:in|out|through)\b/i, 'allow; send; pass through'],
  [/\b(?:tells?|told|hears?|heard) of\b/i, 'sends, receives, reports'],
  [/\bleads? nowhere\b/i, 'is dead'],
  [/\bfor ever\b/i, 'never ends; permanently'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\bbar (?:the|an?|one|what|those|its?|this|in|for|by)\b/i, 'except'],
  [/\btoo(?=[.;!?]|$)/i, 'also, before the verb'],
  [/\bthat once more\b/i, 'again'],
  [/\bso much later\b/i, 'later'],
  [/, of which\b/i, 'two sentences'],
  [/\b(?:remember|recollect)(?:s|ed|ing|ion)?\b/i, 'cache'],
  [/\bbelie(?:ves?|ved|ving)\b/i, 'use; trust'],
  [/\b(?:forgets?|forgotten|forgot)\b/i, 'invalidate, remove'],
  [/\bturn(?:s|ed|ing)? (?:\w+ )?away\b/i, 'deny'],
  [/\bpush(?:es|ed|ing)? (?:\w+ )?out\b/i, 'evict'],
  [/\baudit trails?\b/i, 'audit log'],
  [/\bforeign (?:tokens?|keys?|ids?)\b/i, 'imported'],
  [/\b(?:passengers?|patience)\b/i, 'waiting read; timeout'],
];

/** A sentence that begins with "What" and asks nothing describes a thing that has a name. */
function statementsWithWhat(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+|\n\s*[-*|]\s*/)
    .filter((sentence) => /^\W*what\b/i.test(sentence) && !/\?\W*$/.test(sentence))
    .filter((sentence) => /^\W*What\b/.test(sentence) || sentence === text);
}

/** Each use of a word that is not used: file, line, what was found, what to write. */
export function unusedWords(pieces: readonly Prose[]): string[] {
  return pieces.flatMap((piece) => {
    const at = `${piece.file}:${piece.line}`;
    const words = WORDS.flatMap(([pattern, instead]) => {
      const found = pattern.exec(piece.text);
      return found ? [`${at}: "${found[0]}" in a ${piece.kind} (write: ${instead})`] : [];
    });
    const statements = statementsWithWhat(piece.text).map(
      (sentence) => `${at}: a ${piece.kind} begins with "What" and is no question: ${sentence.trim().slice(0, 60)}`,
    );
    return [...words, ...statements];
  });
}

/**
 * Verbs, prepositions and conjunctions that a test name must not begin with: in a summary it is read without the names
 * of the groups around it.
 */
const NO_SUBJECT = new RegExp(
  `^(?:${[
    'is|are|was|were|be|been|has|have|had|do|does|did|can|cannot|could|may|might|must|should|will|would|never|not',
    'neither|nor|with|without|when|where|while|if|unless|whatever|however|in|on|at|of|for|from|to|by|under|after',
    'before|behind|through|as|but|and|or|even|only|still|also|that|who|whose|whom|which|why|how|what|it|its',
    'refuses|says|takes|finds|gives|keeps|excuses|lets|works|makes|leaves|tells|goes|stays|sees|gets|throws|tries',
    'happens|hangs|wants|stands|serves|sends|said|sent|passes|meets|loses|lives|leads|knows|holds|heeds|fails|ends',
    'extends|differs|contains|configures|comes|belongs|begins|asks|agrees|allows|adds|accepts|rejects|responds|denies',
    'redacts|clears|expires|evicts|emits|resolves|creates|deletes|rotates|compiles|closes|reconnects|removes|ignores',
    'see|speak|leave|let|left|asked|asking',
    // Nouns in the plural, unless an object follows.
    '(?:reads|shows|counts|stores|sorts|returns|prints|writes|uses|stops|starts|needs|matches|names|lists|answers|logs|sets|drops|runs|puts|updates|changes|caches|waits|signs|maps) (?:an?|the|what|no|every|each|its|all|only|nothing|one|neither|as|with)',
  ].join('|')})\\b`,
);

/** Test names that cannot be read alone. A name, a quote or a placeholder begins a subject. */
export function withoutSubject(names: readonly Prose[]): string[] {
  return names
    .filter(({ kind, text }) => kind === 'test name' && (NO_SUBJECT.test(text) || text.trim() === ''))
    .map(({ file, line, text }) => `${file}:${line}: ${text}`);
}

const WORD = /[A-Za-z][A-Za-z'-]*/g;

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

export interface WordRates {
  readonly words: number;
  /** Occurrences per 1,000 words, by the name of the row. */
  readonly rates: Readonly<Record<string, number>>;
}

const ROWS: Readonly<Record<string, RegExp>> = {
  if: /\bif\b/gi,
  where: /\bwhere\b/gi,
  what: /\bwhat\b/gi,
  'nobody, somebody, anybody, everybody': /\b(?:no|some|any|every)body\b/gi,
  'tell, hear, say': /\b(?:tells?|told|telling|hears?|heard|says?|said)\b/gi,
  'stand, lie': /\b(?:stands?|stood|lies?|lay)\b/gi,
  'anew, afresh, meanwhile, besides, likewise, bar': /\b(?:anew|afresh|meanwhile|besides|likewise|bar)\b/gi,
  string: /\bstrings?\b/gi,
  cache: /\bcach(?:es?|ed|ing)\b/gi,
  return: /\breturn(?:s|ed|ing)?\b/gi,
  error: /\berrors?\b/gi,
  invalidate: /\binvalidat(?:es?|ed|ing|ions?)\b/gi,
  reconnect: /\breconnect(?:s|ed|ing|ions?)?\b/gi,
  retry: /\bretr(?:y|ies|ied|ying)\b/gi,
};

/** How often the words that give a voice away occur. */
export function ratesOf(pieces: readonly Prose[]): WordRates {
  const text = pieces.map((piece) => piece.text).join('\n');
  const words = count(text, WORD);
  const rates = Object.entries(ROWS).map(([name, pattern]) => [
    name,
    words === 0 ? 0 : (count(text, pattern) * 1000) / words,
  ]);
  return { words, rates: Object.fromEntries(rates) };
}

/** Names that more than one file exports, with the files. */
export function exportedTwice(
  sources: readonly { readonly path: string; readonly exports: readonly string[] }[],
): Record<string, string[]> {
  const files = new Map<string, Set<string>>();
  for (const { path, exports } of sources) {
    for (const name of exports) files.set(name, (files.get(name) ?? new Set()).add(path));
  }
  return Object.fromEntries([...files].filter(([, in_]) => in_.size > 1).map(([name, in_]) => [name, [...in_].sort()]));
}
