import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

export interface SourceFile {
  /** Relative to the folder that was searched, `/` between parts. */
  readonly path: string
  readonly text: string
  readonly lines: number
}

/** Files under `base` that one of the glob patterns fits, without node_modules and planted violations; sorted. */
export function sourceFiles(base: string, patterns: readonly string[]): SourceFile[] {
  const found = new Set<string>()
  for (const pattern of patterns) {
    for (const path of globSync(pattern, { cwd: base, exclude: ['**/node_modules/**', 'scripts/planted/**'] }))
      found.add(path)
  }
  return [...found].sort().map((path) => {
    const text = readFileSync(join(base, path), 'utf8')
    return {
      path: relative('.', path).replaceAll('\\', '/'),
      text,
      lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    }
  })
}

/** Whether a file is a test or serves tests only. */
export function isTest(path: string): boolean {
  return /\.(test|conformance|support)\.ts$|\/testing\//.test(path)
}

export function parse(file: SourceFile): ts.SourceFile {
  const kind = file.path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true, kind)
}

/** Calls `visit` for every node of the tree. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  node.forEachChild((child) => walk(child, visit))
}

/** `path:line` of a node. */
export function place(node: ts.Node): string {
  const source = node.getSourceFile()
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
}
