/**
 * The Merkle tree of RFC 6962 §2.1: roots, inclusion proofs and consistency proofs from the hashes of complete subtrees.
 * Nothing here reads or writes; a `NodeHash` says where the hashes come from. Indexes are numbers: 2^53 records are enough.
 */
import { hash } from 'node:crypto'

export const HASH_BYTES = 32

/** The hash of the complete subtree of 2^level leaves that begins at leaf index·2^level. */
export type NodeHash = (level: number, index: number) => Buffer

export const EMPTY_ROOT = hash('sha256', '', 'buffer')

/** SHA-256(0x00 ‖ leaf), base64url: the tree's leaf and the next record's `prev`. */
export function leafHash(line: string): string {
  return hash('sha256', `\0${line}`, 'base64url')
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1)

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1)
  pair.set(right, 1 + HASH_BYTES)
  return hash('sha256', pair, 'buffer')
}

/**
 * Root over `width` hashes that lie one after the other. The last may stand for fewer leaves than the others: the tree
 * splits at the same place either way.
 */
export function rootOver(hashes: Uint8Array, width: number): Buffer {
  const work = Buffer.from(hashes.subarray(0, width * HASH_BYTES))
  // Level by level in place; an odd last hash moves up as it is, which gives the same tree as RFC 6962's split.
  for (let count = width; count > 1; count = Math.ceil(count / 2)) {
    for (let i = 0; i + 1 < count; i += 2) {
      work.copy(pair, 1, i * HASH_BYTES, (i + 2) * HASH_BYTES)
      work.write(hash('sha256', pair, 'base64url'), (i / 2) * HASH_BYTES, 'base64url')
    }
    if (count % 2 === 1) work.copyWithin(((count - 1) / 2) * HASH_BYTES, (count - 1) * HASH_BYTES, count * HASH_BYTES)
  }
  return work.subarray(0, HASH_BYTES)
}

/** MTH(D[from:to]); `from` is a multiple of the largest power of two that is not above the length. */
function rootOf(from: number, to: number, node: NodeHash): Buffer {
  const length = to - from
  const half = splitOf(length)
  if (half * 2 === length || length === 1) return node(Math.log2(length), from / length)
  return nodeHash(rootOf(from, from + half, node), rootOf(from + half, to, node))
}

/** The largest power of two below `length` (RFC 6962's k). */
function splitOf(length: number): number {
  let half = 1
  while (half * 2 < length) half *= 2
  return half
}

export function rootAt(size: number, node: NodeHash): Buffer {
  return size === 0 ? EMPTY_ROOT : rootOf(0, size, node)
}

/** PATH(index, D[size]): from the leaf's sibling up (RFC 6962 §2.1.1). Throws RangeError if index ≥ size. */
export function inclusionProof(index: number, size: number, node: NodeHash): Buffer[] {
  if (index < 0 || index >= size) throw new RangeError('tree: index beyond the tree')
  return path(index, 0, size, node)
}

function path(index: number, from: number, to: number, node: NodeHash): Buffer[] {
  if (to - from === 1) return []
  const middle = from + splitOf(to - from)
  return index < middle
    ? [...path(index, from, middle, node), rootOf(middle, to, node)]
    : [...path(index, middle, to, node), rootOf(from, middle, node)]
}

/** PROOF(old, D[size]) (RFC 6962 §2.1.2). Throws RangeError unless 0 < old ≤ size. */
export function consistencyProof(old: number, size: number, node: NodeHash): Buffer[] {
  if (old <= 0 || old > size) throw new RangeError('tree: sizes out of order')
  return old === size ? [] : subproof(old, 0, size, true, node)
}

function subproof(old: number, from: number, to: number, known: boolean, node: NodeHash): Buffer[] {
  if (old === to) return known ? [] : [rootOf(from, to, node)]
  const middle = from + splitOf(to - from)
  return old <= middle
    ? [...subproof(old, from, middle, known, node), rootOf(middle, to, node)]
    : [...subproof(old, middle, to, false, node), rootOf(from, middle, node)]
}

/** The root that an inclusion proof leads to (RFC 9162 §2.1.3.2); undefined if the proof has the wrong length. */
export function rootFromInclusion(
  index: number,
  size: number,
  leaf: Buffer,
  proof: readonly Buffer[],
): Buffer | undefined {
  if (index < 0 || index >= size) return undefined
  let place = index
  let last = size - 1
  let root = leaf
  for (const sibling of proof) {
    if (last === 0) return undefined
    if (place % 2 === 1 || place === last) {
      root = nodeHash(sibling, root)
      while (place % 2 === 0 && place !== 0) {
        place = Math.floor(place / 2)
        last = Math.floor(last / 2)
      }
    } else {
      root = nodeHash(root, sibling)
    }
    place = Math.floor(place / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? root : undefined
}
