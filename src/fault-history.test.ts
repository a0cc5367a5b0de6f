import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { failsAgainAndAgain, forgetFaults, noteFault } from './fault-history.ts'

describe('failsAgainAndAgain()', () => {
  const home = mkdtempSync(join(tmpdir(), 'claviger-faults-'))
  const minute = 60_000

  test('is true after three faults in ten minutes, and not after three in an hour', () => {
    for (const at of [0, 30, 60]) noteFault(home, at * minute)
    assert.equal(failsAgainAndAgain(home, 61 * minute), false)
    for (const at of [62, 64]) noteFault(home, at * minute)
    assert.equal(failsAgainAndAgain(home, 65 * minute), true)
    assert.equal(failsAgainAndAgain(home, 75 * minute), false)
  })

  test('is false again once an operator went on', () => {
    for (const at of [80, 81, 82]) noteFault(home, at * minute)
    forgetFaults(home)
    assert.equal(failsAgainAndAgain(home, 82 * minute), false)
    rmSync(home, { recursive: true })
  })

  test('does not throw where nothing can be written', () => {
    noteFault(join(home, 'gone', 'too'), minute)
  })
})
