// The codes of the gateway's problems, for the SDK: read from the catalogues in the sources, inline ones too.
import ts from 'typescript'
import { isTest, parse, type SourceFile, walk } from './checks/source-files.ts'

/** Heard of by who starts the gateway, and by who sits at its command line: no answer carries them. */
const SAID_AT_HOME = /^src\/(cli\/|settings\.ts$|env-file\.ts$|tls-files\.ts$)/

/** Whatever has a `status` and a `title` in an object literal is a problem type, named by its code. */
export function problemCodes(files: readonly SourceFile[]): string[] {
  const codes = new Set<string>()
  for (const file of files) {
    if (isTest(file.path) || SAID_AT_HOME.test(file.path)) continue
    walk(parse(file), (node) => {
      if (ts.isPropertyAssignment(node) && isProblemType(node.initializer)) codes.add(node.name.getText())
    })
  }
  return [...codes].sort()
}

function isProblemType(value: ts.Expression): boolean {
  if (!ts.isObjectLiteralExpression(value)) return false
  const [status, title] = ['status', 'title'].map((name) =>
    value.properties.find((one) => ts.isPropertyAssignment(one) && one.name.getText() === name),
  )
  return title !== undefined && status !== undefined && /^status: \d{3}$/.test(status.getText())
}

/** The SDK's module of them. */
export function problemCodesModule(codes: readonly string[]): string {
  const lines: string[] = []
  for (const code of codes) {
    const last = lines.at(-1)
    const next = `| '${code}'`
    if (last !== undefined && last.length + next.length < 116) lines[lines.length - 1] = `${last} ${next}`
    else lines.push(`  ${next}`)
  }
  return `// Written by \`npm run generate\` from the problem catalogues in src/. Edit those, not this.

/** Every \`code\` of the gateway's problems (RFC 9457). They are permanent; a newer gateway may have further ones. */
// biome-ignore format: one code a line would be a page of its own
export type ProblemCode =
${lines.join('\n')}
`
}
