/**
 * Room for the last words of a full disk. Owns the reserve: written zeros that are removed when a revocation or a seal
 * must be recorded and nothing else fits, and written again before anything is forwarded.
 */
import { constants } from 'node:fs'
import { open, rm, stat, statfs } from 'node:fs/promises'
import { syncDirectory } from './durable-file.ts'
import { reservePath } from './log-paths.ts'

const MiB = 1_024 * 1_024
const MOST_RESERVE = 64 * MiB
const CHUNK = Buffer.alloc(MiB)

/** Whether an error says that there is no space left: on the disk, or in the quota. */
export function saysFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT'
}

export class DiskSpace {
  readonly #dir: string
  readonly #path: string
  #bytes: number | undefined
  #ready = false
  #chain: Promise<unknown> = Promise.resolve()

  /** `bytes` of reserve; unless told, 64 MiB or an eighth of the file system, whichever is less. */
  constructor(dir: string, bytes?: number) {
    this.#dir = dir
    this.#path = reservePath(dir)
    this.#bytes = bytes
  }

  /** Whether the reserve lies there. */
  get ready(): boolean {
    return this.#ready
  }

  /** Writes the reserve if it is not there. False if the disk has no room for it and a little more. */
  prepare(): Promise<boolean> {
    return this.#next(async () => {
      const target = await this.#target()
      const present = await stat(this.#path).then(
        (found) => found.size,
        () => 0,
      )
      if (present === target) {
        this.#ready = true
        return (await this.#free()) >= margin(target)
      }
      if ((await this.#free()) + present < target + margin(target)) return false
      this.#ready = await this.#write(target)
      return this.#ready
    })
  }

  /** Removes the reserve. Never fails: if it is gone already, there is nothing more to give. */
  release(): Promise<void> {
    return this.#next(async () => {
      this.#ready = false
      await rm(this.#path, { force: true }).catch(() => {})
      await syncDirectory(this.#dir).catch(() => {})
    })
  }

  /** Resolves when nothing is being written or removed. */
  async settled(): Promise<void> {
    await this.#chain
  }

  async #target(): Promise<number> {
    if (this.#bytes !== undefined) return this.#bytes
    const { blocks, bsize } = await statfs(this.#dir)
    this.#bytes = Math.min(MOST_RESERVE, Math.floor((blocks * bsize) / 8))
    return this.#bytes
  }

  async #free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#dir)
    return bavail * bsize
  }

  async #write(target: number): Promise<boolean> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
    const handle = await open(this.#path, flags, 0o600)
    let failure: unknown
    try {
      for (let left = target; left > 0; ) {
        const { bytesWritten } = await handle.write(CHUNK, 0, Math.min(left, CHUNK.length))
        left -= bytesWritten
      }
      await handle.datasync()
      await syncDirectory(this.#dir)
    } catch (error) {
      failure = error
    } finally {
      await handle.close()
    }
    if (failure === undefined) return true
    await rm(this.#path, { force: true })
    if (!saysFull(failure)) throw failure
    return false
  }

  /** One at a time: the reserve must not be written and removed at once. */
  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#chain.then(work)
    this.#chain = result.catch(() => {})
    return result
  }
}

/** Free space beside the reserve that is worth starting again for. */
function margin(reserve: number): number {
  return Math.min(MiB, Math.floor(reserve / 4))
}
