import { parse } from 'luaparse';
import { createGlobals, type RedisCall } from './library';
import { type LuaFunction, type LuaTable, runtime } from './runtime';

// biome-ignore lint/suspicious/noExplicitAny: the tree of luaparse, of which only the shapes below are read.
type Node = any;

/** A script in Lua 5.1, ready to be run with other keys and arguments. */
export type Script = (keys: LuaTable, args: LuaTable, redis: { readonly call: RedisCall }) => unknown;

const BINARY: Readonly<Record<string, string>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'mod',
  '^': 'pow',
  '..': 'concat',
  '<': 'lt',
  '<=': 'le',
};

class Scope {
  readonly #names = new Map<string, string>();

  constructor(readonly parent: Scope | null) {}

  declare(name: string, unique: string): string {
    this.#names.set(name, unique);
    return unique;
  }

  find(name: string): string | null {
    return this.#names.get(name) ?? this.parent?.find(name) ?? null;
  }
}

/** Translates Lua to JavaScript. Every Lua function becomes one that returns the array of its results. */
class Translator {
  readonly #source: string;
  #count = 0;

  constructor(source: string) {
    this.#source = source;
  }

  script(chunk: Node): string {
    return this.#block(chunk.body, new Scope(null));
  }

  #block(statements: readonly Node[], parent: Scope): string {
    const scope = new Scope(parent);
    return statements.map((statement) => this.#statement(statement, scope)).join('\n');
  }

  #declare(scope: Scope, name: string): string {
    return scope.declare(name, `${name}$${this.#count++}`);
  }

  #statement(node: Node, scope: Scope): string {
    switch (node.type) {
      case 'LocalStatement': {
        const values = this.#values(node.init, node.variables.length, scope);
        const names = node.variables.map(({ name }: Node) => this.#declare(scope, name));
        return `let [${names.join(', ')}] = ${values};`;
      }
      case 'AssignmentStatement': {
        if (node.variables.length === 1 && node.init.length === 1)
          return this.#assign(node.variables[0], this.#single(node.init[0], scope), scope);
        const temporary = `t$${this.#count++}`;
        const values = this.#values(node.init, node.variables.length, scope);
        const assignments = node.variables.map((variable: Node, i: number) =>
          this.#assign(variable, `${temporary}[${i}]`, scope),
        );
        return `{ const ${temporary} = ${values}; ${assignments.join(' ')} }`;
      }
      case 'CallStatement':
        return `${this.#multiple(node.expression, scope)};`;
      case 'DoStatement':
        return `{ ${this.#block(node.body, scope)} }`;
      case 'IfStatement':
        return node.clauses
          .map((clause: Node, i: number) => {
            const body = `{ ${this.#block(clause.body, scope)} }`;
            if (clause.type === 'ElseClause') return `else ${body}`;
            return `${i > 0 ? 'else ' : ''}if (R.truthy(${this.#single(clause.condition, scope)})) ${body}`;
          })
          .join(' ');
      case 'WhileStatement':
        return `while (R.truthy(${this.#single(node.condition, scope)})) { ${this.#block(node.body, scope)} }`;
      case 'RepeatStatement': {
        const inner = new Scope(scope);
        const body = node.body.map((statement: Node) => this.#statement(statement, inner)).join('\n');
        return `for (;;) { ${body} if (R.truthy(${this.#single(node.condition, inner)})) break; }`;
      }
      case 'ForNumericStatement':
        return this.#numericLoop(node, scope);
      case 'ForGenericStatement':
        return this.#genericLoop(node, scope);
      case 'FunctionDeclaration':
        return this.#functionStatement(node, scope);
      case 'ReturnStatement':
        return `return ${this.#list(node.arguments, scope)};`;
      case 'BreakStatement':
        return 'break;';
      default:
        throw new Error(`The Lua translator does not know ${node.type}.`);
    }
  }

  #assign(variable: Node, value: string, scope: Scope): string {
    if (variable.type === 'Identifier') {
      const local = scope.find(variable.name);
      return local === null ? `G.set(${JSON.stringify(variable.name)}, ${value});` : `${local} = ${value};`;
    }
    return `R.setIndex(${this.#single(variable.base, scope)}, ${this.#key(variable, scope)}, ${value});`;
  }

  #numericLoop(node: Node, outer: Scope): string {
    const scope = new Scope(outer);
    const [start, end, step] = [node.start, node.end, node.step].map((part: Node) =>
      part === null ? '1' : this.#single(part, outer),
    );
    const count = `i$${this.#count++}`;
    const name = this.#declare(scope, node.variable.name);
    const bounds = `let ${count} = R.number(${start}), ${count}e = R.number(${end}), ${count}s = R.number(${step})`;
    const test = `${count}s > 0 ? ${count} <= ${count}e : ${count} >= ${count}e`;
    return `for (${bounds}; ${test}; ${count} += ${count}s) { let ${name} = ${count}; ${this.#block(node.body, scope)} }`;
  }

  #genericLoop(node: Node, outer: Scope): string {
    const scope = new Scope(outer);
    const iterator = this.#values(node.iterators, 3, outer);
    const names = node.variables.map(({ name }: Node) => this.#declare(scope, name));
    const body = this.#block(node.body, scope);
    return `for (const [${names.map((name: string) => `${name}_`).join(', ')}] of R.iterate(${iterator})) {
      let ${names.map((name: string) => `${name} = ${name}_`).join(', ')}; ${body} }`;
  }

  #functionStatement(node: Node, scope: Scope): string {
    if (node.identifier.type !== 'Identifier') return this.#assign(node.identifier, this.#function(node, scope), scope);
    // A local function may call itself.
    const name = node.isLocal ? this.#declare(scope, node.identifier.name) : null;
    const code = this.#function(node, scope);
    return name === null ? this.#assign(node.identifier, code, scope) : `let ${name} = ${code};`;
  }

  #function(node: Node, outer: Scope): string {
    const scope = new Scope(outer);
    const parameters = node.parameters.map((parameter: Node) =>
      parameter.type === 'VarargLiteral' ? '...varargs' : this.#declare(scope, parameter.name),
    );
    return `((${parameters.join(', ')}) => { ${this.#block(node.body, scope)} return []; })`;
  }

  /** Expressions as an array of exactly so many values, for an assignment. */
  #values(expressions: readonly Node[], count: number, scope: Scope): string {
    if (expressions.length === count && !this.#isMultiple(expressions.at(-1)))
      return `[${expressions.map((each) => this.#single(each, scope)).join(', ')}]`;
    return this.#list(expressions, scope);
  }

  /** Expressions as an array; the last of them gives all its values. */
  #list(expressions: readonly Node[], scope: Scope): string {
    const parts = expressions.map((each, i) =>
      i === expressions.length - 1 && this.#isMultiple(each)
        ? `...${this.#multiple(each, scope)}`
        : this.#single(each, scope),
    );
    return `[${parts.join(', ')}]`;
  }

  #isMultiple(node: Node): boolean {
    return (
      node !== undefined &&
      !this.#isInParentheses(node) &&
      /^(?:CallExpression|StringCallExpression|TableCallExpression|VarargLiteral)$/.test(node.type)
    );
  }

  /** Parentheses leave the first value of a call. The tree does not contain them, unlike those of a call. */
  #isInParentheses({ range }: Node): boolean {
    const before = this.#source.slice(0, range[0]).trimEnd();
    return before.endsWith('(') && /(?:^|[^\w\])"']|\b(?:return|and|or|not|in))\s*$/.test(before.slice(0, -1));
  }

  #multiple(node: Node, scope: Scope): string {
    if (node.type === 'VarargLiteral') return 'varargs';
    const args =
      node.type === 'CallExpression'
        ? node.arguments
        : [node.type === 'StringCallExpression' ? node.argument : node.arguments];
    if (node.base.type === 'MemberExpression' && node.base.indexer === ':') {
      const method = JSON.stringify(node.base.identifier.name);
      return `R.method(${this.#single(node.base.base, scope)}, ${method}, ${this.#list(args, scope)})`;
    }
    return `R.call(${this.#single(node.base, scope)}, ${this.#list(args, scope)})`;
  }

  #key(node: Node, scope: Scope): string {
    return node.type === 'MemberExpression' ? JSON.stringify(node.identifier.name) : this.#single(node.index, scope);
  }

  #single(node: Node, scope: Scope): string {
    switch (node.type) {
      case 'Identifier':
        return scope.find(node.name) ?? `G.get(${JSON.stringify(node.name)})`;
      case 'StringLiteral':
        return JSON.stringify(node.value);
      case 'NumericLiteral':
      case 'BooleanLiteral':
        return String(node.value);
      case 'NilLiteral':
        return 'undefined';
      case 'MemberExpression':
      case 'IndexExpression':
        return `R.index(${this.#single(node.base, scope)}, ${this.#key(node, scope)})`;
      case 'LogicalExpression': {
        const [left, right] = [this.#single(node.left, scope), this.#single(node.right, scope)];
        return node.operator === 'and' ? `R.and(${left}, () => ${right})` : `R.or(${left}, () => ${right})`;
      }
      case 'BinaryExpression':
        return this.#binary(node, scope);
      case 'UnaryExpression': {
        const operand = this.#single(node.argument, scope);
        if (node.operator === 'not') return `!R.truthy(${operand})`;
        return node.operator === '#' ? `R.length(${operand})` : `-R.number(${operand})`;
      }
      case 'TableConstructorExpression':
        return this.#table(node, scope);
      case 'FunctionDeclaration':
        return this.#function(node, scope);
      default:
        return `${this.#multiple(node, scope)}[0]`;
    }
  }

  #binary(node: Node, scope: Scope): string {
    const [left, right] = [this.#single(node.left, scope), this.#single(node.right, scope)];
    switch (node.operator) {
      case '==':
        return `(${left} === ${right})`;
      case '~=':
        return `(${left} !== ${right})`;
      case '>':
        return `R.lt(${right}, ${left})`;
      case '>=':
        return `R.le(${right}, ${left})`;
      default:
        return `R.${BINARY[node.operator]}(${left}, ${right})`;
    }
  }

  #table(node: Node, scope: Scope): string {
    const items: Node[] = [];
    const members: string[] = [];
    for (const field of node.fields) {
      if (field.type === 'TableValue') items.push(field.value);
      else {
        const key = field.type === 'TableKeyString' ? JSON.stringify(field.key.name) : this.#single(field.key, scope);
        members.push(`[${key}, ${this.#single(field.value, scope)}]`);
      }
    }
    return `R.table(${this.#list(items, scope)}, [${members.join(', ')}])`;
  }
}

const compiled = new Map<string, Script>();

/** Translates a script once, however often it is run. */
export function compileScript(source: string): Script {
  let script = compiled.get(source);
  if (script === undefined) {
    const tree = parse(source, { luaVersion: '5.1', encodingMode: 'pseudo-latin1', comments: false, ranges: true });
    const code = new Translator(source).script(tree);
    const main = new Function('R', 'G', `"use strict"; const varargs = [];\n${code}\nreturn [];`) as (
      R: typeof runtime,
      G: unknown,
    ) => ReturnType<LuaFunction>;
    script = (keys, args, redis) => main(runtime, createGlobals(keys, args, redis.call))[0];
    compiled.set(source, script);
  }
  return script;
}
