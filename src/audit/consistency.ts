import { nodeHash } from './tree.ts'

/** What two signed heads of one log are to each other. */
export interface Heads {
  readonly old: { readonly size: number; readonly root: Buffer }
  readonly new: { readonly size: number; readonly root: Buffer }
}

/** Whether a consistency proof shows that the new tree begins with the old one (RFC 9162 §2.1.4.2). */
export function consistencyHolds({ old, new: grown }: Heads, proof: readonly Buffer[]): boolean {
  if (old.size === grown.size) return proof.length === 0 && old.root.equals(grown.root)
  if (old.size <= 0 || old.size > grown.size) return false
  const isPower = Number.isInteger(Math.log2(old.size))
  const [first, ...rest] = isPower ? [old.root, ...proof] : proof
  if (first === undefined) return false
  let place = old.size - 1
  let last = grown.size - 1
  const up = () => {
    place = Math.floor(place / 2)
    last = Math.floor(last / 2)
  }
  while (place % 2 === 1) up()
  let oldRoot = first
  let newRoot = first
  for (const sibling of rest) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      oldRoot = nodeHash(sibling, oldRoot)
      newRoot = nodeHash(sibling, newRoot)
      while (place % 2 === 0 && place !== 0) up()
    } else {
      newRoot = nodeHash(newRoot, sibling)
    }
    up()
  }
  return last === 0 && oldRoot.equals(old.root) && newRoot.equals(grown.root)
}
