import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { github, plain } from '../../../test/instruments/planted-secrets.ts'
import { loadDetector } from './detect.ts'
import { assignmentsIn, findInEnv } from './find-in-env.ts'
import { edited } from './found.ts'
import { readSource } from './read-source.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-env-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('assignmentsIn()', () => {
  test('reads values as dotenv, shells and systemd do, and says where they differ', () => {
    const cases: readonly [text: string, value: string | undefined, unclear?: true][] = [
      ['A=b', 'b'],
      ['  export A = b c  # d', 'b c'],
      ['A=b#c', 'b#c'],
      ['A= # only a comment', ''],
      ['A=', ''],
      [`A='b # c' # d`, 'b # c'],
      ['A="b\nc"', 'b\nc'],
      ['A=`b`', 'b'],
      ['A="b\\nc"', 'b\\nc', true],
      [`A='b\\c'`, 'b\\c'],
      ['A="$B"', '$B', true],
      ['A=$(cat key)', '$(cat key)', true],
      [`A="b"'c'`, `"b"'c'`, true],
      ['A="open', '"open'],
      ['A=b\r', 'b'],
      ['# A=b', undefined],
      ['just text', undefined],
      ['=b', undefined],
      ['', undefined],
    ]
    for (const [text, value, unclear] of cases) {
      const [first] = assignmentsIn(text)
      assert.equal(first?.value, value, text)
      assert.equal(first?.unclear !== undefined, unclear === true, text)
    }
  })

  test('goes on behind a value of several lines', () => {
    const names = assignmentsIn('A="1\nB=2\n3"\nC=4').map(({ name }) => name)
    assert.deepEqual(names, ['A', 'C'])
  })
})

describe('findInEnv()', () => {
  async function found(text: string) {
    const path = join(folder, 'env')
    writeFileSync(path, text)
    const source = readSource(path)
    return { source, ...(await findInEnv(source, await loadDetector(), new Set())) }
  }

  test('takes secrets by their form or by their name, and nothing that stands for one', async () => {
    const cases: readonly [line: string, service: string | undefined][] = [
      [`ANYTHING=${github}`, 'github'],
      [`OPENAI_API_KEY=${github}`, 'github'],
      [`OPENAI_API_KEY=${plain}`, 'openai'],
      [`SESSION_SECRET=${plain}`, 'unknown'],
      [`STRIPE_PUBLIC_KEY=${plain}`, undefined],
      [`STRIPE_KEY_ID=${plain}`, undefined],
      ['OPENAI_API_KEY=changeme', undefined],
      ['OPENAI_API_KEY=<your key>', undefined],
      ['OPENAI_API_KEY=sk-xxx', undefined],
      ['OPENAI_API_KEY=xxxxxxxxxxxx', undefined],
      [`OPENAI_API_KEY=$${'{OTHER_KEY}'}`, undefined],
      ['OPENAI_API_KEY=clv_ak_abcdefgh', undefined],
      ['GITHUB_TOKEN=/run/secrets/github', undefined],
      ['GITHUB_TOKEN=ghp_cfadebcafd0123456789ABCDEFGHIJabcdef', undefined],
      ['SERVICE_API_KEY=cfadebcafd0123456789ABCDEFGHIJabcdef', undefined],
      ['TOKEN_LIMIT=12345678', undefined],
      ['GITHUB_API=https://api.github.com/', undefined],
      [`NAME=${plain}`, undefined],
    ]
    for (const [line, service] of cases) {
      const { found: all } = await found(line)
      assert.equal(all[0]?.service, service, line)
    }
  })

  test('leaves a value of which only a part is the secret', async () => {
    const { found: all } = await found(`REMOTE=https://me:${github}@github.com/me/it`)
    assert.match(all[0]?.stays ?? '', /only a part/)
  })

  test('leaves a URL with a password in it, also where a rule or the name says that the whole is secret', async () => {
    const lines = ['DATABASE_URL=postgres://me:s3cretpass@db/x', 'REDIS_PASSWORD=redis://:s3cretpass@cache']
    for (const line of lines) {
      const { found: all } = await found(line)
      assert.equal(all[0]?.stays, 'only a part of the URL is the secret', line)
    }
  })

  test('puts a comment in the place of the assignment alone', async () => {
    const { source, found: all } = await found(`A=1\n\texport GITHUB_TOKEN="${github}" # mine\nB=2`)
    const edits = all[0]?.rewrite?.({ handle: 'h', service: 's' }) ?? []
    assert.equal(edited(source.text, edits), 'A=1\n\t# claviger: GITHUB_TOKEN is credential h of service s # mine\nB=2')
  })
})
