import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { exitCode } from './exit-codes.ts'
import { inProcess } from './testing/in-process.ts'

const root = mkdtempSync(join(tmpdir(), 'claviger-verbs-'))
after(() => rmSync(root, { recursive: true }))
const home = join(root, 'none')
const env = { CLAVIGER_HOME: home, CLAVIGER_URL: 'http://127.0.0.1:9', CLAVIGER_PORT: '0', HOME: root }
/** These make a home, and `up` does not end. */
const makers = new Set(['init', 'up'])

/** Every command that does something, by what its family's help lists. */
async function verbsBelow(words: readonly string[]): Promise<string[][]> {
  const { code, stdout } = await inProcess([...words, '--help'], { env })
  assert.equal(code, 0, words.join(' '))
  const [, list] = /\nCommands:\n([\s\S]*?)(\n\n|$)/.exec(stdout) ?? []
  if (list === undefined) return [[...words]]
  const names = [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help')
  const below: string[][] = []
  for (const name of names) below.push(...(await verbsBelow([...words, name])))
  return below
}

describe('every command', () => {
  test('takes the id of a key for what it is, though it begins with a dash', async () => {
    const id = '-ZdKF0gXX6ARabuFRktDfi0nUQoJ49th4UMlN3h07c8'
    for (const words of [
      ['signing-key', 'revoke', id],
      ['receipt', 'key', 'compromised', id],
      ['agent', 'key', 'revoke', 'coder', id],
    ]) {
      const { code, stderr } = await inProcess(words, { env })
      assert.equal(code, exitCode.notRunning, stderr)
    }
  })

  test('answers a wrong use where no gateway runs with a code and what to do, and makes nothing', async () => {
    const verbs = (await verbsBelow([])).filter((words) => !makers.has(words.join(' ')))
    assert.ok(verbs.length > 100, `${verbs.length} commands`)
    const known: ReadonlySet<number> = new Set(Object.values(exitCode).filter((code) => code !== exitCode.bug))
    for (const words of verbs) {
      for (const wrong of [[], ['--nope'], [join(root, 'no', 'file')]]) {
        const { code, stderr } = await inProcess([...words, ...wrong], { env })
        const said = `claviger ${[...words, ...wrong].join(' ')} ended with ${code}: ${stderr}`
        assert.ok(known.has(code ?? -1), said)
        assert.doesNotMatch(stderr, /\n\s+at /, said)
        if (stderr.startsWith('claviger: ')) assert.match(stderr, /^claviger: .* \[[a-z_]+\]\n[\s\S]*hint: ./, said)
      }
    }
    assert.equal(existsSync(home), false)
  })
})
