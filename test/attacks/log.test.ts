/** What agents can make the log say. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { recordsOf } from '../../proving/audit-on-disk.ts'
import { world } from '../instruments/world.ts'

describe('the record of a denial', () => {
  test('does not hold a key that was written where the name of a service belongs', async () => {
    await using around = await world()
    const { gateway } = around
    const key = 'sk-live-51H8xYzABCdefGHIjklMNOpqr'
    await around.call('/x', { service: key })
    await around.call('/x', { service: 'gihtub' })
    await around.call('/x', { service: 'two%20words' })
    await gateway.stop()
    const denied = recordsOf(gateway.home).filter(({ type }) => type === 'deny')
    const names = denied.map(({ req }) => (req as { service: string }).service)
    assert.equal(names.length, 3)
    assert.match(names[0]!, /^hmac-sha256:/)
    assert.equal(names[1], 'gihtub', 'a slip of the pen can be read')
    assert.match(names[2]!, /^hmac-sha256:/)
    assert.ok(!JSON.stringify(denied).includes(key))
  })
})
