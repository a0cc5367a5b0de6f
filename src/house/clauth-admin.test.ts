import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import { ClauthAdmin } from './clauth-admin.ts'

const codeOf = (work: () => void): unknown => {
  try {
    work()
    return 'ok'
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('ClauthAdmin', () => {
  test('takes its token out of the environment, and nobody passes where there is none', () => {
    const env: NodeJS.ProcessEnv = { CLAUTH_ADMIN_TOKEN: 'the-token', OTHER: 'x' }
    const admin = ClauthAdmin.fromEnvironment(env, 'CLAUTH_ADMIN_TOKEN', new SetClock())
    assert.deepEqual(env, { OTHER: 'x' })
    assert.equal(
      codeOf(() => admin.check('the-token', 'a')),
      'ok',
    )
    assert.ok(!JSON.stringify(admin).includes('the-token'))
    for (const unset of [undefined, '']) {
      const nobody = new ClauthAdmin(unset, new SetClock())
      for (const shown of [undefined, '', 'x']) {
        assert.equal(
          codeOf(() => nobody.check(shown, 'a')),
          'clauth_admin_disabled',
        )
      }
    }
  })

  test('answers five wrong ones at once, then makes their source wait, longer each time (CL-18)', () => {
    const clock = new SetClock()
    const admin = new ClauthAdmin('the-token', clock)
    const wrong = () => codeOf(() => admin.check('another', 'a'))
    for (let n = 0; n < 5; n += 1) assert.equal(wrong(), 'clauth_unauthorized')
    for (const seconds of [1, 2, 4, 8]) {
      assert.equal(wrong(), 'admin_backing_off')
      // The right one does not pass either: else a guess could be told from the pause.
      assert.equal(
        codeOf(() => admin.check('the-token', 'a')),
        'admin_backing_off',
      )
      clock.advance(seconds * 1_000 - 1)
      assert.equal(wrong(), 'admin_backing_off')
      clock.advance(1)
      assert.equal(wrong(), 'clauth_unauthorized')
    }
    assert.equal(
      codeOf(() => admin.check('the-token', 'b')),
      'ok',
    )
    clock.advance(900_001)
    assert.equal(
      codeOf(() => admin.check('the-token', 'a')),
      'ok',
    )
    for (let n = 0; n < 4; n += 1) assert.equal(wrong(), 'clauth_unauthorized')
    assert.equal(
      codeOf(() => admin.check('the-token', 'a')),
      'ok',
    )
    assert.equal(wrong(), 'clauth_unauthorized')
  })

  test('counts nobody who shows no token', () => {
    const admin = new ClauthAdmin('the-token', new SetClock())
    for (let n = 0; n < 20; n += 1) {
      for (const shown of [undefined, '']) {
        assert.equal(
          codeOf(() => admin.check(shown, 'a')),
          'clauth_unauthorized',
        )
      }
    }
  })

  test('remembers 4,096 sources at most', () => {
    const admin = new ClauthAdmin('the-token', new SetClock())
    const wrong = (source: string) => codeOf(() => admin.check('x', source))
    for (let n = 0; n < 5; n += 1) wrong('first')
    assert.equal(wrong('first'), 'admin_backing_off')
    for (let n = 0; n < 4_096; n += 1) wrong(`other-${n}`)
    assert.equal(wrong('first'), 'clauth_unauthorized')
  })
})
