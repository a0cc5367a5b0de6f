import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cliProblem } from '../problems.ts'
import { bringAll } from './bring-over.ts'
import type { Bringing, Item } from './item.ts'

/** Nothing is asked of it here. */
const around = {} as Bringing

function items(done: string[], more: Partial<Item>): Item[] {
  const failing = async () => {
    throw cliProblem('file_unreadable')
  }
  const giving = async () => {
    done.push('service')
    return {}
  }
  return [
    { what: 'revocation', name: 'agent evil', action: 'bring', bring: failing, ...more },
    { what: 'service', name: 'shop', action: 'bring', bring: giving },
  ]
}

describe('bringAll()', () => {
  test('gives nothing where what takes away could not be brought', async () => {
    const done: string[] = []
    await assert.rejects(bringAll(items(done, { first: true }), around), { code: 'file_unreadable' })
    assert.deepEqual(done, [])
  })

  test('goes on where anything else could not be brought, and says so', async () => {
    const done: string[] = []
    const [failed, brought] = await bringAll(items(done, {}), around)
    assert.deepEqual([failed?.action, failed?.failed, brought?.action], ['leave', true, 'bring'])
    assert.deepEqual(done, ['service'])
  })
})
