import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canonicalTarget } from '../ground/target.ts'
import type { CanonicalCall } from '../policy/permit.ts'
import { transformedWhole } from './transformed-body.ts'
import { askForWholePacks, tellsOfPushes } from './whole-packs.ts'

const line = (text: string) => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`
const id = '1'.repeat(40)
const service = `${line('# service=git-receive-pack\n')}0000`
const rest = `${line(`${id} refs/heads/other\n`)}0000`
const capabilities = 'report-status delete-refs ofs-delta agent=git/2.39'
const changed = async (text: string) =>
  (await transformedWhole(Buffer.from(text, 'latin1'), askForWholePacks())).toString('latin1')

describe('askForWholePacks()', () => {
  const told: readonly (readonly [what: string, before: string, first: string, wanted: string])[] = [
    ['a list', service, `${id} refs/heads/main\0${capabilities}\n`, `${id} refs/heads/main\0${capabilities} no-thin\n`],
    ['a list without a line end', service, `${id} HEAD\0${capabilities}`, `${id} HEAD\0${capabilities} no-thin`],
    [
      'an empty repository',
      service,
      `${'0'.repeat(40)} capabilities^{}\0a`,
      `${'0'.repeat(40)} capabilities^{}\0a no-thin`,
    ],
    ['a list with its version', `${service}${line('version 1\n')}`, `${id} HEAD\0a\n`, `${id} HEAD\0a no-thin\n`],
    ['a list without the name of the service', '', `${id} HEAD\0a\n`, `${id} HEAD\0a no-thin\n`],
    ['a server that says it itself', service, `${id} HEAD\0no-thin a\n`, `${id} HEAD\0no-thin a\n`],
  ]
  for (const [what, before, first, wanted] of told) {
    test(`puts one word into ${what}, wherever it is cut`, async () => {
      const whole = Buffer.from(`${before}${line(first)}${rest}`, 'latin1')
      const expected = `${before}${line(wanted)}${rest}`
      for (let cut = 0; cut <= whole.length; cut++) {
        const stage = askForWholePacks()
        let out = ''
        const emit = (chunk: Buffer) => {
          out += chunk.toString('latin1')
        }
        for (const part of [whole.subarray(0, cut), whole.subarray(cut)])
          if (part.length > 0) await stage.push(part, emit)
        await stage.flush(emit)
        assert.equal(out, expected, `cut at ${cut}`)
      }
    })
  }

  const others: readonly (readonly [what: string, bytes: string])[] = [
    ['nothing', ''],
    ['a page', '<!doctype html><title>Sign in</title>'],
    ['a list that breaks off', `${service}00b1${id} refs/heads/main\0report`],
    ['a length that there is not', `${service}0002${id}`],
    ['a line that is too long', `${service}ffff${'x'.repeat(70_000)}`],
    ['a list without words', `${service}${line(`${id} HEAD\n`)}${rest}`],
    ['lines without end', line('x\n').repeat(100)],
    ['an error', `${service}${line('ERR no such repository\n')}`],
  ]
  for (const [what, bytes] of others) {
    test(`leaves ${what} as it is`, async () => {
      assert.equal(await changed(bytes), bytes)
    })
  }
})

describe('tellsOfPushes()', () => {
  const of = (method: string, url: string, status = 200, type = 'application/x-git-receive-pack-advertisement') =>
    tellsOfPushes({ method, target: canonicalTarget(url) } as CanonicalCall, status, type)
  const push = '/o/r.git/info/refs?service=git-receive-pack'

  test('knows the answer to what git asks before a push, and no other', () => {
    assert.equal(of('GET', push), true)
    assert.equal(of('HEAD', push), false)
    assert.equal(of('POST', push), false)
    assert.equal(of('GET', push, 401), false)
    assert.equal(of('GET', push, 206), false)
    assert.equal(of('GET', push, 200, 'text/plain'), false)
    for (const other of [
      '/o/r.git/info/refs?service=git-upload-pack',
      '/o/r.git/info/refs',
      `/info/refs/x?service=git-receive-pack`,
    ])
      assert.equal(of('GET', other), false, other)
  })
})
