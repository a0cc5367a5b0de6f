import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import { GuessedSecret, isUnguessable } from './guessed-secret.ts'

const LIMITS = { free: 2, longestPauseMs: 4_000, forgetMs: 60_000 }
/** 32 bytes that look like chance, the same in every run. */
const bytesOf = (n: number): Buffer => createHash('sha256').update(`seed ${n}`).digest()

describe('isUnguessable()', () => {
  test('takes 32 random bytes in hex, and what is longer', () => {
    for (let n = 0; n < 1_000; n += 1) {
      assert.ok(isUnguessable(bytesOf(n).toString('hex')), `hex ${n}`)
      assert.ok(isUnguessable(bytesOf(n).toString('hex').toUpperCase()), `HEX ${n}`)
    }
    assert.ok(isUnguessable(Buffer.concat([bytesOf(1), bytesOf(2)]).toString('hex')))
  })

  test('takes nothing that is shorter, may be chosen, or has few digits', () => {
    const hex = bytesOf(1).toString('hex')
    const chosen = [
      '',
      'admin',
      'changeme',
      'Administrator-Token-For-Our-Clauth-Gateway-2026',
      bytesOf(1).toString('base64'),
    ]
    const few = ['a'.repeat(64), '12345678'.repeat(8), 'deadbeef'.repeat(8)]
    const near = [hex.slice(1), `${hex.slice(1)}g`, `${hex.slice(1)}A`.replace(/^./, 'b'), ` ${hex}`, hex.repeat(9)]
    for (const secret of [...chosen, ...few, ...near]) assert.ok(!isUnguessable(secret), secret)
  })
})

describe('GuessedSecret', () => {
  const paused = (secret: string) => {
    const guessed = new GuessedSecret(secret, new SetClock(), LIMITS)
    for (let n = 0; n < 3; n += 1) guessed.failed('there')
    return guessed
  }

  test('lets one that nobody can guess pass in a pause, and nothing else', () => {
    const secret = bytesOf(1).toString('hex')
    const guessed = paused(secret)
    assert.equal(guessed.waitMs('there', secret), 0)
    for (const other of ['', 'x', bytesOf(2).toString('hex'), secret.toUpperCase(), `${secret}0`]) {
      assert.equal(guessed.waitMs('there', other), 2_000, other)
    }
    guessed.succeeded('there')
    assert.equal(guessed.waitMs('there', 'x'), 0)
  })

  test('makes one that may be guessed wait like a wrong one', () => {
    const guessed = paused('a-chosen-token')
    assert.deepEqual([guessed.waitMs('there', 'a-chosen-token'), guessed.waitMs('elsewhere', 'x')], [2_000, 0])
  })
})
