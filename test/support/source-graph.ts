import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from '@swc/core';

export interface SourceImport {
  /** As it stands in the file: `../errors`, `express`. */
  readonly specifier: string;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
  /** For a relative import: the file it names, relative to the sources' root; null for a package. */
  readonly target: string | null;
}

export interface SourceFile {
  /** Relative to the sources' root, with forward slashes: `store/redis/lane.ts`. */
  readonly path: string;
  readonly text: string;
  readonly lineCount: number;
  readonly imports: readonly SourceImport[];
  /** Every `object.property` in the code, strings and comments aside: `console.log`, `process.env`. */
  readonly members: readonly string[];
  /** The text of every string and template in the code. */
  readonly strings: readonly string[];
  /** Names that the file declares and exports. Re-exports are left out. */
  readonly exports: readonly string[];
}

/** A node of the syntax tree, looked at without its many types. */
type Node = { readonly type?: string } & Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null;
}

/** Adds a value's nodes to a list, each before those in it. */
function collect(value: unknown, nodes: Node[]): Node[] {
  if (!isNode(value)) return nodes;
  if (typeof value.type === 'string') nodes.push(value);
  for (const key in value) if (key !== 'span') collect(value[key], nodes);
  return nodes;
}

function textOf(node: unknown): string | null {
  return isNode(node) && typeof node.value === 'string' ? node.value : null;
}

/** The module that a node brings in, if it is one that does. */
function importOf(node: Node): { specifier: string; typeOnly: boolean } | null {
  switch (node.type) {
    case 'ImportDeclaration': {
      const named = node.specifiers as readonly { isTypeOnly?: boolean }[];
      const onlyTypes = named.length > 0 && named.every(({ isTypeOnly }) => isTypeOnly === true);
      return { specifier: textOf(node.source) ?? '', typeOnly: node.typeOnly === true || onlyTypes };
    }
    case 'ExportNamedDeclaration': {
      const specifier = textOf(node.source);
      const named = node.specifiers as readonly { isTypeOnly?: boolean }[];
      const onlyTypes = named.length > 0 && named.every(({ isTypeOnly }) => isTypeOnly === true);
      return specifier === null ? null : { specifier, typeOnly: node.typeOnly === true || onlyTypes };
    }
    case 'ExportAllDeclaration':
      return { specifier: textOf(node.source) ?? '', typeOnly: node.typeOnly === true };
    case 'TsImportType':
      return { specifier: textOf(node.argument) ?? '', typeOnly: true };
    case 'TsExternalModuleReference':
      return { specifier: textOf(node.expression) ?? '', typeOnly: false };
    case 'CallExpression': {
      const callee = node.callee as Node;
      const isImport = callee.type === 'Import' || (callee.type === 'Identifier' && callee.value === 'require');
      const [first] = node.arguments as readonly { expression: unknown }[];
      return isImport && first ? { specifier: textOf(first.expression) ?? '(computed)', typeOnly: false } : null;
    }
    default:
      return null;
  }
}

function memberOf(node: Node): string | null {
  if (node.type !== 'MemberExpression') return null;
  const { object, property } = node as unknown as { object: Node; property: Node };
  if (object.type !== 'Identifier') return null;
  const name = property.type === 'Computed' ? textOf(property.expression) : textOf(property);
  return name === null ? null : `${object.value}.${name}`;
}

function stringOf(node: Node): string | null {
  if (node.type === 'StringLiteral') return node.value as string;
  return node.type === 'TemplateElement' ? (node.raw as string) : null;
}

/** The names that an `export` declares. */
function exportsOf(node: Node): string[] {
  if (node.type !== 'ExportDeclaration') return [];
  const declaration = node.declaration as Node;
  const declared = (declaration.declarations as readonly Node[] | undefined) ?? [declaration];
  return declared.flatMap((item) => textOf(item.id ?? item.identifier) ?? []);
}

/** Reads one file's imports and members. `exists` tells which files there are, for `./store` to mean `store/index.ts`. */
function parseSource(file: string, text: string, exists: (file: string) => boolean): SourceFile {
  function resolve(specifier: string): string | null {
    if (!specifier.startsWith('.')) return null;
    const base = path.posix.join(path.posix.dirname(file), specifier);
    return [`${base}.ts`, path.posix.join(base, 'index.ts'), base].find(exists) ?? base;
  }

  // Most rules need the text only.
  const parse = once(() => {
    const tree = collect(parseSync(text, { syntax: 'typescript', target: 'es2022' }), []);
    return {
      imports: tree.flatMap((node) => {
        const found = importOf(node);
        return found === null ? [] : [{ ...found, target: resolve(found.specifier) }];
      }),
      members: tree.flatMap((node) => memberOf(node) ?? []),
      strings: tree.flatMap((node) => stringOf(node) ?? []),
      exports: tree.flatMap(exportsOf),
    };
  });
  return {
    path: file,
    text,
    lineCount: text.split('\n').length - 1,
    get imports() {
      return parse().imports;
    },
    get members() {
      return parse().members;
    },
    get strings() {
      return parse().strings;
    },
    get exports() {
      return parse().exports;
    },
  };
}

function once<T>(create: () => T): () => T {
  let created: { readonly value: T } | undefined;
  return () => {
    created ??= { value: create() };
    return created.value;
  };
}

/** Reads sources given as text by path. */
export function parseSources(texts: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(texts).map(([file, text]) => parseSource(file, text, (name) => Object.hasOwn(texts, name)));
}

/** The files in a folder and below, relative to it, with forward slashes, sorted. */
export function listFiles(root: string, skip: (name: string) => boolean = () => false): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter(({ name }) => !skip(name))
    .flatMap((entry) => {
      if (!entry.isDirectory()) return entry.isFile() ? [entry.name] : [];
      return listFiles(path.join(root, entry.name), skip).map((file) => `${entry.name}/${file}`);
    })
    .sort();
}

/** Reads every TypeScript file in a folder and below. */
export function readSources(root: string): SourceFile[] {
  const files = listFiles(root).filter((file) => file.endsWith('.ts'));
  return parseSources(Object.fromEntries(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')])));
}

/** One round of imports, types included, that forms a cycle; null if there is none. */
export function findCycle(sources: readonly SourceFile[]): string[] | null {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const clean = new Set<string>();

  function follow(file: string, trail: readonly string[]): string[] | null {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (clean.has(file)) return null;
    for (const { target } of byPath.get(file)?.imports ?? []) {
      const cycle = target === null ? null : follow(target, [...trail, file]);
      if (cycle) return cycle;
    }
    clean.add(file);
    return null;
  }

  for (const { path: file } of sources) {
    const cycle = follow(file, []);
    if (cycle) return cycle;
  }
  return null;
}
