import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { gatewayFlags } from '../bin/run-node.js'
import { growthPercent } from './heap-growth.ts'

const MB = 1024 * 1024

suite('by how much the old heap grows', () => {
  test('is about 32 MB, whatever its size', () => {
    for (const size of [50, 80, 120, 160])
      assert.ok(Math.abs((size * growthPercent(size * MB)) / 100 - 32) < 1, String(size))
  })

  test('is never less than a fifth, nor more than what the process starts with', () => {
    assert.equal(growthPercent(2_000 * MB), 20)
    assert.equal(growthPercent(20 * MB), 70)
    assert.ok(gatewayFlags.includes('--heap-growing-percent=70'))
  })
})
