import { type ParseResult, parse } from '@babel/parser';

export type ProseKind = 'comment' | 'message' | 'test name' | 'test group' | 'page';

/** One piece of English in the repository. */
export interface Prose {
  /** Relative to the repository's root, with forward slashes. */
  readonly file: string;
  readonly line: number;
  readonly kind: ProseKind;
  readonly text: string;
}

type Node = { readonly type: string; readonly loc?: { start: { line: number } } } & Readonly<Record<string, unknown>>;

const TEST_FUNCTION = /^(?:test|it|describe)$/;
/** A string with fewer words is an identifier, a header, a payload. */
const SENTENCE = /[A-Za-z']+ [A-Za-z']+ [A-Za-z']+/;

/** Members of nodes that contain no nodes, or comments. */
const SKIPPED = new Set([
  ...['loc', 'errors', 'tokens', 'extra'],
  ...['comments', 'leadingComments', 'trailingComments', 'innerComments'],
]);

/** Adds a value's nodes to a list, each before those in it. */
function collect(value: unknown, nodes: Node[]): Node[] {
  if (typeof value !== 'object' || value === null) return nodes;
  if (typeof (value as Node).type === 'string') nodes.push(value as Node);
  for (const name in value) if (!SKIPPED.has(name)) collect((value as Node)[name], nodes);
  return nodes;
}

/** Comment text without its asterisks. Line comments that follow each other are one comment. */
function commentsIn(file: string, tree: ParseResult): Prose[] {
  const found: { line: number; last: number; text: string; block: boolean }[] = [];
  for (const comment of tree.comments ?? []) {
    const text = comment.value.replace(/^[ \t]*\*+ ?/gm, '').trim();
    const line = comment.loc?.start.line ?? 0;
    const last = comment.loc?.end.line ?? 0;
    const before = found.at(-1);
    if (comment.type === 'CommentLine' && before && !before.block && before.last === line - 1) {
      before.text += `\n${text}`;
      before.last = last;
    } else found.push({ line, last, text, block: comment.type === 'CommentBlock' });
  }
  return found
    .filter(({ text }) => !/^(?:biome-ignore|@ts-|[!#])/.test(text))
    .map(({ line, text }) => ({ file, line, kind: 'comment', text }));
}

/** The text of a string or template, with `…` for what is put in. */
function textOf(node: Node | undefined): string | null {
  if (node?.type === 'StringLiteral' || node?.type === 'JSXText') return node.value as string;
  if (node?.type !== 'TemplateLiteral') return null;
  return (node.quasis as { value: { cooked?: string; raw: string } }[])
    .map(({ value }) => value.cooked ?? value.raw)
    .join('…');
}

/** `test`, for `test(`, `test.each(…)(` and `test.each\`…\`(`. */
function calleeOf(node: Node): string | null {
  switch (node.type) {
    case 'Identifier':
      return node.name as string;
    case 'MemberExpression':
      return calleeOf(node.object as Node);
    case 'CallExpression':
      return calleeOf(node.callee as Node);
    case 'TaggedTemplateExpression':
      return calleeOf(node.tag as Node);
    default:
      return null;
  }
}

function testNamesIn(file: string, nodes: readonly Node[]): Prose[] {
  return nodes.flatMap((node): Prose[] => {
    const callee = node.type === 'CallExpression' ? calleeOf(node.callee as Node) : null;
    if (callee === null || !TEST_FUNCTION.test(callee)) return [];
    const [first, second] = node.arguments as Node[];
    // `test.each(rows)` is a call within the call that has the name.
    const text = second ? textOf(first) : null;
    const kind = callee === 'describe' ? 'test group' : 'test name';
    return text === null ? [] : [{ file, line: node.loc?.start.line ?? 0, kind, text }];
  });
}

/** Comments of a TypeScript or JavaScript file; the names of its tests, or else the sentences in its strings. */
export function proseOfCode(file: string, source: string): Prose[] {
  const tree = parse(source, {
    sourceType: 'unambiguous',
    errorRecovery: true,
    allowReturnOutsideFunction: true,
    plugins: file.endsWith('.tsx') ? ['typescript', 'jsx'] : ['typescript'],
  });
  const nodes = collect(tree.program, []);
  const names = /^(?:test|bench)\//.test(file) ? testNamesIn(file, nodes) : [];
  const named = new Set(names.map(({ text }) => text));
  // In tests, these are rows that name a test, messages and fixtures.
  const messages = nodes.flatMap((node): Prose[] => {
    const text = textOf(node);
    if (text === null || named.has(text) || !SENTENCE.test(text)) return [];
    return [{ file, line: node.loc?.start.line ?? 0, kind: 'message', text }];
  });
  return [...commentsIn(file, tree), ...names, ...messages];
}

/** The paragraphs of a page. Code blocks belong to them, because readers read their comments. */
export function proseOfPage(file: string, source: string): Prose[] {
  let line = 1;
  return source.split(/(\n\s*\n)/).flatMap((text): Prose[] => {
    const start = line;
    line += text.split('\n').length - 1;
    return text.trim() === '' ? [] : [{ file, line: start, kind: 'page', text }];
  });
}

/** Comments of shell scripts, style sheets and YAML. */
export function proseOfScript(file: string, source: string): Prose[] {
  const pattern = file.endsWith('.css') ? /\/\*([\s\S]*?)\*\//g : /^\s*#(?!!)(.*)$/gm;
  return [...source.matchAll(pattern)].map(({ 1: text, index }) => ({
    file,
    line: source.slice(0, index).split('\n').length,
    kind: 'comment',
    text: text!.trim(),
  }));
}
