// The lists of codes, against what the gateway's own documents and sources say.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
const read = (...path: readonly string[]) => readFileSync(join(root, ...path), 'utf8')

/** The members of an exported union of string literals. */
function union(file: string, name: string): Set<string> {
  const text =
    new RegExp(`export type ${name} =([^=]*?)(?:\\n\\n|\\n?$)`).exec(read('sdk', 'src', 'errors', file))?.[1] ?? ''
  return new Set([...text.matchAll(/'([^']+)'/g)].map(([, code]) => code as string))
}

const missing = (wanted: Iterable<string>, from: ReadonlySet<string>) =>
  [...new Set(wanted)].filter((code) => !from.has(code))

describe('the lists of codes', () => {
  test('have every code that the description of the API names', () => {
    const named = [...read('docs', 'openapi.json').matchAll(/`([a-z][a-z0-9_]+)` \(\d{3}\)/g)].map(
      ([, code]) => code as string,
    )
    assert.ok(new Set(named).size > 120)
    assert.deepEqual(missing(named, union('problem-codes.ts', 'ProblemCode')), [])
  })

  test('have what no endpoint names, because any of them may say it', () => {
    const codes = union('problem-codes.ts', 'ProblemCode')
    assert.deepEqual(missing(['internal_error', 'json_invalid', 'target_ambiguous', 'unauthenticated'], codes), [])
    assert.ok(codes.size > 180)
  })

  test('have the ClawAuth door’s', () => {
    const said = [...read('src', 'doors', 'clawauth', 'wording.ts').matchAll(/'([A-Z]+_?[A-Z]+)'/g)].map(
      ([, code]) => code as string,
    )
    assert.ok(said.length > 10)
    assert.deepEqual(missing(said, union('codes.ts', 'ClawAuthCode')), [])
  })

  test('have what the agentic-credential-vault door says of tokens and calls', () => {
    const administered =
      /\/(admin|audit-query|revoke|service-form|service-changes|named-agents|worded|compiled-service|native-service|door-secrets|vault-templates)[^/]*$/
    const files = globSync('src/doors/agentvault/*.ts', { cwd: root }).filter((file) => !administered.test(file))
    const texts = files.map((file) => read(file)).join('\n')
    const said = [...texts.matchAll(/\brefused\(\s*['`]([^'`]+?)(?::|['`])/g)].map(([, code]) => code as string)
    assert.ok(new Set(said).size > 15)
    assert.deepEqual(missing(said, union('codes.ts', 'VaultCode')), [])
  })

  test('have those of this package, each used, and the README names them', () => {
    const codes = union('codes.ts', 'SdkCode')
    const files = globSync('sdk/src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts', '**/errors/codes.ts'] })
    const text = files.map((file) => read(file)).join('\n')
    const unused = [...codes].filter((code) => !text.includes(`'${code}'`))
    assert.deepEqual(unused, [])
    const [, section = ''] = read('sdk', 'README.md').split('\n## Errors\n')
    assert.deepEqual(
      [...codes].filter((code) => !section.includes(`\`${code}\``)),
      [],
    )
  })
})
