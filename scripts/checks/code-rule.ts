// Rules about what may be written where in src, read from the syntax tree: comments and strings do not count.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import type { Rule } from './rule.ts'
import { root } from './run-tool.ts'
import { isTest, parse, place, type SourceFile, sourceFiles, walk } from './source-files.ts'

/** Something a rule saw, before it is known whether its file may do it. */
export interface Sighting {
  readonly node: ts.Node
  readonly what: string
}

export interface CodeRule {
  readonly name: string
  /** Files that may do it, with how often; a file that does it less often has a stale entry, and fails too. */
  readonly allowed: Readonly<Record<string, number | 'any'>>
  /** Where it holds; src if not told. */
  readonly places?: readonly string[]
  /** The ending of its planted file; ts if not told. */
  readonly ending?: 'ts' | 'tsx'
  sightings(tree: ts.SourceFile): Sighting[]
}

/** Makes a rule that runs: over src (or its places) without tests, and over scripts/planted/code/<name>.ts, where each line marked `// planted` must be reported. */
export function codeRule(rule: CodeRule): Rule {
  return {
    name: rule.name,
    async check() {
      const files = sourceFiles(root, rule.places ?? ['src/**/*.ts']).filter(({ path }) => !isTest(path))
      return { read: files.length, unit: 'files', findings: findingsIn(files, rule) }
    },
    async planted() {
      const path = `scripts/planted/code/${rule.name}.${rule.ending ?? 'ts'}`
      const text = readFileSync(join(root, path), 'utf8')
      const expected = text
        .split('\n')
        .flatMap((line, index) => (/\/\/ planted$/.test(line) ? [`${path}:${index + 1}`] : []))
      const seen = new Set(rule.sightings(parse({ path, text, lines: 0 })).map(({ node }) => place(node)))
      const missed = expected.filter((at) => !seen.has(at)).map((at) => `${at} was not reported`)
      const wrong = [...seen].filter((at) => !expected.includes(at)).map((at) => `${at} is no violation`)
      return expected.length === 0 ? [`${path} plants nothing`] : [...missed, ...wrong]
    },
  }
}

function findingsIn(files: readonly SourceFile[], rule: CodeRule): string[] {
  const findings: string[] = []
  for (const file of files) {
    const seen = rule.sightings(parse(file))
    const may = rule.allowed[file.path] ?? 0
    if (may === 'any' || seen.length === may) continue
    if (seen.length < may)
      findings.push(`${file.path} does it ${seen.length} times, and ${may} are allowed: lower the number`)
    else if (may > 0) findings.push(`${file.path} does it ${seen.length} times, and ${may} are allowed`)
    if (seen.length > may) findings.push(...seen.map(({ node, what }) => `${place(node)} ${what}`))
  }
  const paths = new Set(files.map(({ path }) => path))
  for (const [path, may] of Object.entries(rule.allowed)) {
    if (may !== 'any' && !paths.has(path)) findings.push(`${path} is allowed ${may} times, and is not there`)
  }
  return findings
}

/** All nodes below `tree` for which `match` says what they are. */
export function collect(tree: ts.SourceFile, match: (node: ts.Node) => string | undefined): Sighting[] {
  const seen: Sighting[] = []
  walk(tree, (node) => {
    const what = match(node)
    if (what !== undefined) seen.push({ node, what })
  })
  return seen
}

/** The module that this import, re-export, require() or import() loads at run time, and the names it takes ('*' for all). */
export function loads(node: ts.Node): { module: string; names: readonly string[] } | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    if (node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return undefined
    const names = importedNames(node.importClause)
    return names.length === 0 && node.importClause !== undefined
      ? undefined
      : { module: bare(node.moduleSpecifier.text), names }
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return node.isTypeOnly ? undefined : { module: bare(node.moduleSpecifier.text), names: ['*'] }
  }
  if (!ts.isCallExpression(node)) return undefined
  const callee = node.expression.getText()
  const dynamic =
    node.expression.kind === ts.SyntaxKind.ImportKeyword || /(^|\.)(require|getBuiltinModule)$/.test(callee)
  const [argument] = node.arguments
  if (!dynamic || argument === undefined) return undefined
  return { module: ts.isStringLiteralLike(argument) ? bare(argument.text) : '?', names: takenNames(node) }
}

/** `const { createServer } = process.getBuiltinModule('node:http')` takes that one name; any other use may take all. */
function takenNames(call: ts.CallExpression): string[] {
  const { parent } = call
  if (!ts.isVariableDeclaration(parent) || !ts.isObjectBindingPattern(parent.name)) return ['*']
  return parent.name.elements.map((element) => {
    const name = element.propertyName ?? element.name
    return element.dotDotDotToken === undefined && ts.isIdentifier(name) ? name.text : '*'
  })
}

function importedNames(clause: ts.ImportClause | undefined): string[] {
  if (clause === undefined) return ['*']
  const bindings = clause.namedBindings
  const named =
    bindings !== undefined && ts.isNamedImports(bindings)
      ? bindings.elements.filter((element) => !element.isTypeOnly)
      : []
  const all = clause.name !== undefined || (bindings !== undefined && ts.isNamespaceImport(bindings))
  return [...(all ? ['*'] : []), ...named.map((element) => (element.propertyName ?? element.name).text)]
}

function bare(specifier: string): string {
  return specifier.replace(/^node:/, '')
}
