import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import { parseOrigin } from '../ground/origin.ts'
import { Lines, type LineUse } from './lines.ts'

const use = (more: Partial<LineUse> = {}): LineUse => ({
  service: 'srv_1' as ServiceId,
  origin: parseOrigin('http://127.0.0.1:3000'),
  address: '127.0.0.1',
  credential: 'crd_1' as CredentialId,
  version: 1,
  connectMs: 1_000,
  ...more,
})

function linesOn(clock: SetClock): Lines {
  return new Lines({
    clock,
    ca: undefined,
    onDial: undefined,
    onReset: () => undefined,
    onUnreachable: () => undefined,
  })
}

describe('Lines', () => {
  test('gives the same pool for the same use, and another for another', () => {
    const lines = linesOn(new SetClock())
    const first = lines.line('a', () => use())
    assert.equal(
      lines.line('a', () => assert.fail('opened twice')),
      first,
    )
    assert.notEqual(
      lines.line('b', () => use({ address: '127.0.0.2' })),
      first,
    )
    assert.equal(lines.count, 2)
    lines.stop()
  })

  test('retires older versions of a credential when a new one is used, and nothing else', () => {
    const lines = linesOn(new SetClock())
    const old = lines.line('v1', () => use())
    const other = lines.line('other', () => use({ credential: 'crd_2' as CredentialId }))
    lines.line('v2', () => use({ version: 2 }))
    assert.deepEqual([old.closed, other.closed, lines.count], [true, false, 2])
    lines.stop()
  })

  test('closes pools that nobody used for a minute', () => {
    const clock = new SetClock()
    const lines = linesOn(clock)
    const idle = lines.line('idle', () => use())
    lines.line('busy', () => use())
    clock.advance(60_001)
    const busy = lines.line('busy', () => use())
    lines.closeIdle()
    assert.deepEqual([idle.closed, busy.closed, lines.count], [true, false, 1])
    lines.stop()
    assert.equal(busy.destroyed, true)
  })

  test('keeps no more than 4,096 pools, and lets the longest idle one go', () => {
    const clock = new SetClock()
    const lines = linesOn(clock)
    const first = lines.line('0', () => use())
    for (let i = 1; i <= 4_096; i++) {
      clock.advance(1)
      lines.line(String(i), () => use())
    }
    assert.deepEqual([lines.count, first.closed], [4_096, true])
    lines.stop()
  })
})
