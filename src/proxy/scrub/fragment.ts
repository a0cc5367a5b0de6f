/**
 * One unit of a secret (a byte, a character, a base64 digit) in every way it may be written: a small automaton that
 * starts at node 0. Built once per unit and shared by all matchers, so it never holds more than one unit.
 */

/** An edge to a node (> 0), or to the end of the unit: `-n` says that n units of the chain are done (1 but for UTF-8). */
export type Target = number

export interface Fragment {
  /** By node: byte, target, byte, target … A byte may lead to several targets; nodes have few edges, so a list will do. */
  readonly edges: readonly (readonly number[])[]
  /** All bytes that occur. */
  readonly bytes: readonly number[]
  /** Bytes that may come first. */
  readonly firsts: readonly number[]
  /** Bytes that may come last, with the number of units done by then. */
  readonly lasts: readonly { readonly byte: number; readonly units: number }[]
  /** Pairs of neighbouring bytes inside, as `first << 8 | second`. */
  readonly pairs: readonly number[]
}

export const START = 0
export const DONE: Target = -1
/** Node numbers stay below 1 << NODE_BITS. */
export const NODE_BITS = 9

/** Draws a fragment. A word is a list of strings: one byte each, any character (latin1) of the string will do. */
export class Drawing {
  readonly #edges: number[][] = [[]]
  readonly #shared = new Map<string, number>()

  node(): number {
    return this.#edges.push([]) - 1
  }

  /** Draws a path for `word`; words with a common beginning share its nodes. */
  word(from: number, word: readonly string[], to: Target): void {
    let at = from
    for (const choice of word.slice(0, -1)) at = this.#between(at, choice)
    this.#edge(at, word.at(-1)!, to)
  }

  finish(): Fragment {
    const edges = this.#edges
    if (edges.length >= 1 << NODE_BITS) throw new TypeError(`a unit has ${edges.length} nodes`)
    const bytes = new Set<number>()
    const lasts = new Map<number, { byte: number; units: number }>()
    const pairs = new Set<number>()
    for (const node of edges) {
      for (let i = 0; i < node.length; i += 2) {
        const byte = node[i]!
        const target = node[i + 1]!
        bytes.add(byte)
        if (target < 0) lasts.set(byte * 8 - target, { byte, units: -target })
        else for (const next of firstsOf(edges[target]!)) pairs.add((byte << 8) | next)
      }
    }
    return { edges, bytes: [...bytes], firsts: firstsOf(edges[START]!), lasts: [...lasts.values()], pairs: [...pairs] }
  }

  #between(from: number, choice: string): number {
    const key = `${from} ${choice}`
    let node = this.#shared.get(key)
    if (node === undefined) {
      node = this.node()
      this.#shared.set(key, node)
      this.#edge(from, choice, node)
    }
    return node
  }

  #edge(from: number, choice: string, to: Target): void {
    const node = this.#edges[from]!
    for (let i = 0; i < choice.length; i++) {
      const byte = choice.charCodeAt(i)
      if (!hasEdge(node, byte, to)) node.push(byte, to)
    }
  }
}

function hasEdge(node: readonly number[], byte: number, to: Target): boolean {
  for (let i = 0; i < node.length; i += 2) if (node[i] === byte && node[i + 1] === to) return true
  return false
}

function firstsOf(node: readonly number[]): number[] {
  return [...new Set(node.filter((_, index) => index % 2 === 0))]
}

/** A fragment made of the alternatives of exactly one byte each. */
export function oneByte(choices: string): Fragment {
  const drawing = new Drawing()
  drawing.word(START, [choices], DONE)
  return drawing.finish()
}
