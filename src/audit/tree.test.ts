import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { consistencyHolds } from './consistency.ts'
import { GrowingTree } from './growing-tree.ts'
import { consistencyProof, EMPTY_ROOT, inclusionProof, nodeHash, rootAt, rootFromInclusion } from './tree.ts'

const MOST = 700
const leaves = Array.from({ length: MOST }, (_, i) => hash('sha256', `\0leaf ${i}`, 'buffer'))

/** MTH as RFC 6962 §2.1 defines it. */
function mth(from: number, to: number): Buffer {
  if (from === to) return EMPTY_ROOT
  if (to - from === 1) return leaves[from]!
  let half = 1
  while (half * 2 < to - from) half *= 2
  return nodeHash(mth(from, from + half), mth(from + half, to))
}

const node = (level: number, index: number) => mth(index * 2 ** level, (index + 1) * 2 ** level)
const sizes = fc
  .tuple(fc.integer({ min: 1, max: MOST }), fc.integer({ min: 1, max: MOST }))
  .map((pair) => pair.sort((a, b) => a - b))

describe('the tree against its recursive definition', () => {
  test('the growing root, at every size', () => {
    const tree = new GrowingTree()
    for (let size = 0; size < MOST; size += 1) {
      if (size % 7 === 0 || size % 256 < 3) assert.ok(tree.root().equals(mth(0, size)), `size ${size}`)
      tree.add(leaves[size]!.toString('base64url'))
    }
  })

  test('the root from subtrees', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MOST }), (size) => rootAt(size, node).equals(mth(0, size))),
      { numRuns: 40 },
    )
  })

  test('inclusion proofs lead to the root, and to no other from another leaf', () => {
    fc.assert(
      fc.property(sizes, ([index = 0, size = 0]) => {
        const proof = inclusionProof(index - 1, size, node)
        assert.ok(rootFromInclusion(index - 1, size, leaves[index - 1]!, proof)?.equals(mth(0, size)))
        assert.ok(!rootFromInclusion(index - 1, size, leaves[index % MOST]!, proof)?.equals(mth(0, size)))
        assert.equal(rootFromInclusion(index - 1, size, leaves[index - 1]!, [...proof, EMPTY_ROOT]), undefined)
      }),
      { numRuns: 40 },
    )
  })

  test('consistency proofs hold, and not for a root that differs', () => {
    fc.assert(
      fc.property(sizes, ([small = 0, large = 0]) => {
        const proof = consistencyProof(small, large, node)
        const old = { size: small, root: mth(0, small) }
        const grown = { size: large, root: mth(0, large) }
        assert.ok(consistencyHolds({ old, new: grown }, proof))
        assert.ok(!consistencyHolds({ old: { ...old, root: leaves[0]! }, new: grown }, proof) || small === 1)
        assert.ok(!consistencyHolds({ old, new: { ...grown, root: EMPTY_ROOT } }, proof))
        if (small < large) assert.ok(!consistencyHolds({ old, new: grown }, [...proof, EMPTY_ROOT]))
      }),
      { numRuns: 40 },
    )
  })
})

describe('GrowingTree', () => {
  test('gives full tiles and goes on from complete subtrees as from leaves', () => {
    const tiles: string[] = []
    const whole = new GrowingTree((level, index) => tiles.push(`${level}/${index}`))
    for (let i = 0; i < 66_000; i += 1) whole.add(leaves[i % MOST]!.toString('base64url'))
    assert.equal(tiles.length, 257 + 1)
    assert.ok(tiles.includes('1/0'))

    const first = new GrowingTree()
    for (let i = 0; i < 65_536; i += 1) first.add(leaves[i % MOST]!.toString('base64url'))
    const resumed = new GrowingTree((level, index) => assert.equal(`${level}/${index}`, '0/256'))
    resumed.addSubtree(2, first.root())
    for (let i = 65_536; i < 66_000; i += 1) resumed.add(leaves[i % MOST]!.toString('base64url'))
    assert.equal(resumed.size, whole.size)
    assert.ok(resumed.root().equals(whole.root()))
    assert.deepEqual(
      resumed.partialTiles().map(([level, index, bytes]) => [level, index, bytes.length / 32]),
      [
        [0, 257, 208],
        [1, 1, 1],
        [2, 0, 1],
      ],
    )
  })
})
