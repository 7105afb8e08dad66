import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from '@babel/parser';

type Node = { readonly type: string; readonly [field: string]: unknown };

/** Declaration of a name in a file, or the file and the name that it is imported or exported from. */
type Binding = { readonly node: Node } | { readonly from: string; readonly name: string };

interface Source {
  readonly names: ReadonlyMap<string, Binding>;
  readonly exported: ReadonlyMap<string, string>;
}

function resolveFile(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const base = path.resolve(path.dirname(from), specifier);
  return [`${base}.ts`, path.join(base, 'index.ts')].find((file) => existsSync(file)) ?? null;
}

const textOf = (node: unknown) => (node as { name?: string; value?: string }).name ?? (node as { value: string }).value;

function readSource(file: string): Source {
  const names = new Map<string, Binding>();
  const exported = new Map<string, string>();
  const { program } = parse(readFileSync(file, 'utf8'), { sourceType: 'module', plugins: ['typescript'] });

  function declare(node: Node): string[] {
    const declarations = node.type === 'VariableDeclaration' ? (node.declarations as Node[]) : [node];
    return declarations.map((declaration) => {
      const name = textOf(declaration.id);
      names.set(name, { node: declaration });
      return name;
    });
  }

  for (const statement of program.body as unknown as Node[]) {
    const specifiers = (statement.specifiers ?? []) as Node[];
    const from = statement.source ? resolveFile(file, textOf(statement.source)) : null;
    if (statement.type === 'ImportDeclaration') {
      for (const { local, imported } of specifiers) {
        if (from !== null && imported) names.set(textOf(local), { from, name: textOf(imported) });
      }
    } else if (statement.type === 'ExportNamedDeclaration') {
      for (const name of statement.declaration ? declare(statement.declaration as Node) : []) exported.set(name, name);
      for (const { local, exported: as } of specifiers) {
        const name = statement.source ? `${textOf(as)} of ${textOf(statement.source)}` : textOf(local);
        if (from !== null) names.set(name, { from, name: textOf(local) });
        exported.set(textOf(as), name);
      }
    } else if ('id' in statement || statement.type === 'VariableDeclaration') declare(statement);
  }
  return { names, exported };
}

/** Names of types that a declaration refers to: of a function its signature, of a class its public members. */
function typesIn(node: unknown, found: Set<string>): Set<string> {
  if (Array.isArray(node)) for (const item of node) typesIn(item, found);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return found;
  const { type, ...fields } = node as Node;
  if (type === 'BlockStatement' || fields.accessibility === 'private' || /^ClassPrivate/.test(type)) return found;
  if (type === 'TSTypeReference') found.add(textOf(fields.typeName));
  if (type === 'TSExpressionWithTypeArguments' || type === 'TSInterfaceHeritage') found.add(textOf(fields.expression));
  for (const [name, value] of Object.entries(fields)) {
    const isValue = name === 'init' || (name === 'value' && type === 'ClassProperty');
    if (!isValue && !/^(?:loc|.*Comments)$/.test(name)) typesIn(value, found);
  }
  return found;
}

/**
 * Types that the exports of a module refer to, directly or through others, and that no module of `entries` exports. As
 * `<file>: <name>`, with the paths relative to the first entry.
 */
export function unexportedTypes(entries: readonly string[]): string[] {
  const sources = new Map<string, Source>();
  function sourceOf(file: string): Source {
    const source = sources.get(file) ?? readSource(file);
    sources.set(file, source);
    return source;
  }

  /** The file and the name of a declaration. */
  function resolve(file: string, name: string): { file: string; name: string; node: Node } | null {
    const binding = sourceOf(file).names.get(name);
    if (binding === undefined) return null;
    if ('node' in binding) return { file, name, node: binding.node };
    return resolve(binding.from, sourceOf(binding.from).exported.get(binding.name) ?? binding.name);
  }

  const reached = new Set<string>();
  const exported = new Set<string>();
  function visit(file: string, name: string): void {
    const declaration = resolve(file, name);
    if (declaration === null) return;
    const key = `${path.relative(path.dirname(entries[0] as string), declaration.file)}: ${declaration.name}`;
    if (reached.has(key)) return;
    reached.add(key);
    for (const type of typesIn(declaration.node, new Set())) visit(declaration.file, type);
  }
  for (const entry of entries) {
    for (const name of sourceOf(entry).exported.values()) {
      const declaration = resolve(entry, name);
      if (declaration === null) continue;
      exported.add(`${path.relative(path.dirname(entries[0] as string), declaration.file)}: ${declaration.name}`);
      visit(entry, name);
    }
  }
  return [...reached].filter((key) => !exported.has(key)).sort();
}
