/** What a commit changes, as far as the trees before and after it are in the pack. */

import { readTree, type TreeEntry } from './objects.ts'
import type { PackObject } from './read-pack.ts'

export interface ChangedFile {
  /** As in `git log --name-status`; `?` where it is changed or new and the pack does not tell which. */
  readonly status: 'A' | 'M' | 'D' | '?'
  readonly path: string
  readonly mode: string
  /** Bytes, where the content is in the pack. */
  readonly size: number | undefined
}

export interface Changes {
  readonly files: ChangedFile[]
  /** Folders whose tree is not in the pack, `''` for the whole. */
  readonly unseen: string[]
  /** Entries of folders that changed, whose content is not in the pack: unchanged, moved, or changes of what is not. */
  readonly unknown: string[]
  /** Whether there were more than is gone through. */
  more: boolean
}

const MAX_FILES = 1_000
const MAX_DEPTH = 64
/** Entries of trees that are gone through for one push: the same tree may stand in many places. */
const MAX_STEPS = 200_000
const FOLDER = '40000'

/** What stood there before: its entries by name, nothing at all, or something that is not in the pack. */
type Before = ReadonlyMap<string, TreeEntry> | 'nothing' | 'unknown'

/** Used up by the walks of one push. `seen`: the trees they came through. */
export interface WalkBudget {
  steps: number
  readonly seen: Set<string>
}

export function walkBudget(): WalkBudget {
  return { steps: MAX_STEPS, seen: new Set() }
}

/** `before`: the tree it is compared with; `null` for none, undefined where it is not known. */
export function changedFiles(
  objects: ReadonlyMap<string, PackObject>,
  before: string | null | undefined,
  after: string,
  idLength: number,
  budget: WalkBudget,
): Changes {
  const changes: Changes = { files: [], unseen: [], unknown: [], more: false }
  new Walk(objects, idLength, changes, budget).compare('', before, after, 0)
  return changes
}

class Walk {
  readonly #objects: ReadonlyMap<string, PackObject>
  readonly #idLength: number
  readonly #changes: Changes
  readonly #budget: WalkBudget

  constructor(objects: ReadonlyMap<string, PackObject>, idLength: number, changes: Changes, budget: WalkBudget) {
    this.#budget = budget
    this.#objects = objects
    this.#idLength = idLength
    this.#changes = changes
  }

  compare(folder: string, before: string | null | undefined, after: string, depth: number): void {
    if (before === after) return
    const entries = this.#tree(after)
    if (entries === undefined) {
      this.#changes.unseen.push(folder)
      return
    }
    if (depth > MAX_DEPTH) {
      this.#changes.more = true
      return
    }
    const was = this.#before(before)
    for (const entry of entries) {
      if (this.#isFull()) return
      this.#entry(`${folder}${entry.name}`, entry, was, depth)
    }
    if (typeof was === 'string') return
    const names = new Set(entries.map(({ name }) => name))
    for (const entry of was.values()) {
      if (!names.has(entry.name)) this.#gone(`${folder}${entry.name}`, entry, depth)
    }
  }

  #before(tree: string | null | undefined): Before {
    if (tree === null) return 'nothing'
    const entries = tree === undefined ? undefined : this.#tree(tree)
    return entries === undefined ? 'unknown' : new Map(entries.map((entry) => [entry.name, entry]))
  }

  #entry(path: string, entry: TreeEntry, was: Before, depth: number): void {
    const old = typeof was === 'string' ? undefined : was.get(entry.name)
    if (old?.id === entry.id && old.mode === entry.mode) return
    const isFolder = entry.mode === FOLDER
    if (isFolder && was === 'unknown' && !this.#objects.has(entry.id)) {
      this.#changes.unknown.push(isFolder ? `${path}/` : path)
      return
    }
    if (isFolder) {
      if (old !== undefined && old.mode !== FOLDER) this.#gone(path, old, depth)
      const beforeIt = was === 'unknown' ? undefined : old?.mode === FOLDER ? old.id : null
      this.compare(`${path}/`, beforeIt, entry.id, depth + 1)
      return
    }
    const content = this.#objects.get(entry.id)
    if (was === 'unknown' && content === undefined) {
      this.#changes.unknown.push(path)
      return
    }
    if (old !== undefined && old.mode === FOLDER) this.#gone(path, old, depth)
    const status = was === 'unknown' ? '?' : old === undefined || old.mode === FOLDER ? 'A' : 'M'
    this.#put({ status, path, mode: entry.mode, size: content?.bytes.length })
  }

  #gone(path: string, entry: TreeEntry, depth: number): void {
    const inside = entry.mode === FOLDER && depth <= MAX_DEPTH ? this.#tree(entry.id) : undefined
    if (inside !== undefined) {
      for (const one of inside) this.#gone(`${path}/${one.name}`, one, depth + 1)
      return
    }
    this.#put({ status: 'D', path: entry.mode === FOLDER ? `${path}/` : path, mode: entry.mode, size: undefined })
  }

  #put(file: ChangedFile): void {
    if (!this.#isFull()) this.#changes.files.push(file)
  }

  #isFull(): boolean {
    if (this.#changes.files.length < MAX_FILES && this.#changes.unknown.length < MAX_FILES) return false
    this.#changes.more = true
    return true
  }

  #tree(id: string): readonly TreeEntry[] | undefined {
    const object = this.#objects.get(id)
    if (object?.type !== 'tree') return undefined
    if (this.#budget.steps <= 0) {
      this.#changes.more = true
      return undefined
    }
    const entries = readTree(object.bytes, this.#idLength)
    this.#budget.steps -= entries.length + 1
    this.#budget.seen.add(id)
    return entries
  }
}

/** The trees that no walk came through and that stand in no other such tree: folders whose place cannot be seen. */
export function placelessTrees(
  objects: ReadonlyMap<string, PackObject>,
  idLength: number,
  budget: WalkBudget,
): string[] {
  const loose = new Map<string, readonly TreeEntry[]>()
  for (const [id, { type, bytes }] of objects) {
    if (type !== 'tree' || budget.seen.has(id) || budget.steps <= 0) continue
    const entries = readTree(bytes, idLength)
    budget.steps -= entries.length + 1
    loose.set(id, entries)
  }
  const inside = new Set([...loose.values()].flatMap((entries) => entries.map(({ id }) => id)))
  return [...loose.keys()].filter((id) => !inside.has(id))
}
