import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { actionDigest } from './action.ts'
import { aCallAction } from './approvals.support.ts'

describe('actionDigest()', () => {
  test('is another for every field that is another (G-01)', () => {
    const action = aCallAction()
    const seen = new Set([actionDigest(action)])
    const places: string[] = []
    const mutate = (value: unknown, put: (changed: unknown) => unknown, path: string): void => {
      if (typeof value === 'object' && value !== null) {
        for (const [name, member] of Object.entries(value)) {
          const copy = (changed: unknown) => {
            const twin = structuredClone(value) as Record<string, unknown>
            if (changed === undefined) delete twin[name]
            else twin[name] = changed
            return put(twin)
          }
          mutate(member, copy, `${path}/${name}`)
        }
        return
      }
      const changed = put(typeof value === 'number' ? value + 1 : `${value}x`)
      const digest = actionDigest(changed as never)
      assert.ok(!seen.has(digest), path)
      seen.add(digest)
      places.push(path)
    }
    mutate(action, (changed) => changed, '')
    assert.ok(places.length >= 24, places.join(' '))
  })

  test('does not depend on the order of members', () => {
    const action = aCallAction()
    const turned = Object.fromEntries(Object.entries(action).reverse()) as unknown as typeof action
    assert.equal(actionDigest(turned), actionDigest(action))
  })

  test('is what was written down', () => {
    assert.equal(actionDigest(aCallAction()), 'cbcd2b5c51f6b28f98ebe88c2931d9bb5c3131cf0db54f275969727143b50ca1')
  })
})
