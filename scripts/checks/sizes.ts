// A file that is too long holds more than one thing.
import ts from 'typescript'
import type { Finding, Rule } from './rule.ts'
import { root } from './run-tool.ts'
import { isTest, parse, place, type SourceFile, sourceFiles, walk } from './source-files.ts'

const LINES = 300
const TEST_LINES = 500
const FUNCTION_LINES = 40
/** Of what draws: markup has a line for each element. */
const VIEW_LINES = 64
const places = ['src', 'scripts', 'bin', 'bench', 'proving', 'test', 'examples', 'sdk/src', 'console/src'].map(
  (folder) => `${folder}/**/*.{ts,tsx,mjs,js}`,
)

function tooLong(file: SourceFile): Finding[] {
  const limit = isTest(file.path) || file.path.startsWith('test/') ? TEST_LINES : LINES
  const whole = file.lines > limit ? [`${file.path} has ${file.lines} lines; ${limit} are allowed`] : []
  return [...whole, ...(/^(sdk\/|console\/)?src\//.test(file.path) && !isTest(file.path) ? longFunctions(file) : [])]
}

function longFunctions(file: SourceFile): Finding[] {
  const tree = parse(file)
  const findings: Finding[] = []
  walk(tree, (node) => {
    if (!ts.isFunctionLike(node)) return
    const start = tree.getLineAndCharacterOfPosition(node.getStart()).line
    const length = tree.getLineAndCharacterOfPosition(node.end).line - start + 1
    const limit = file.path.endsWith('.tsx') ? VIEW_LINES : FUNCTION_LINES
    if (length > limit) findings.push(`${place(node)} a function of ${length} lines; ${limit} are allowed`)
  })
  return findings
}

export const sizes: Rule = {
  name: 'sizes',
  async check() {
    const files = sourceFiles(root, places)
    return { read: files.length, unit: 'files', findings: files.flatMap(tooLong) }
  },
  async planted() {
    const body = (count: number) => `export function f() {\n${'  f()\n'.repeat(count - 2)}}\n`
    const file = (path: string, count: number): SourceFile => ({ path, text: body(count), lines: count })
    const cases = [
      [file('src/a.ts', 40), 0],
      [file('src/a.ts', 41), 1],
      [file('src/a.ts', 301), 2],
      [file('src/a.test.ts', 500), 0],
      [file('src/a.test.ts', 501), 1],
    ] as const
    return cases.flatMap(([planted, wanted]) => {
      const found = tooLong(planted).length
      return found === wanted ? [] : [`${planted.lines} lines in ${planted.path}: ${found} findings, not ${wanted}`]
    })
  },
}
