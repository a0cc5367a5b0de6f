/**
 * The only file that opens a segment for writing. Owns one descriptor, opened to append; a group is acknowledged after
 * every byte of it is written and `fdatasync` has answered. Refuses files of others, links, and files open to others.
 */
import { constants, fdatasync, ftruncate, write } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { auditProblem } from './contract.ts'
import { syncDirectory } from './durable-file.ts'
import { segmentFolder, segmentPath } from './log-paths.ts'

/** What the log asks of the kernel, as a value, so that a fault suite can answer instead. */
export interface Disk {
  write(
    fd: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    done: (error: Error | null, n: number) => void,
  ): void
  sync(fd: number, done: (error: Error | null) => void): void
  truncate(fd: number, length: number, done: (error: Error | null) => void): void
}

export const kernelDisk: Disk = {
  write: (fd, bytes, from, length, done) => write(fd, bytes, from, length, null, done),
  sync: (fd, done) => fdatasync(fd, done),
  truncate: (fd, length, done) => ftruncate(fd, length, done),
}

/** `stage` decides what may follow: a failed write can be cut off again, after a failed sync nothing is known. */
export interface AppendFailure {
  readonly stage: 'write' | 'sync'
  readonly error: Error
}

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW

export class SegmentFile {
  readonly #handle: FileHandle
  readonly #disk: Disk
  /** Bytes up to the end of the last complete group. */
  #bytes: number

  private constructor(handle: FileHandle, bytes: number, disk: Disk) {
    this.#handle = handle
    this.#bytes = bytes
    this.#disk = disk
  }

  /** Opens segment `segment` of the log in `dir`, making it if need be; its directory entry is durable afterwards. */
  static async open(dir: string, segment: number, disk: Disk = kernelDisk): Promise<SegmentFile> {
    const path = segmentPath(dir, segment)
    const handle = await open(path, FLAGS, 0o600)
    try {
      const { size, uid, mode } = await handle
        .stat()
        .then((stat) => (stat.isFile() ? stat : { size: 0, uid: -1, mode: 0 }))
      if (uid !== process.geteuid?.() || (mode & 0o022) !== 0) {
        throw auditProblem('audit_files_unsafe', { detail: path })
      }
      if (size === 0) await syncDirectory(segmentFolder(dir))
      return new SegmentFile(handle, size, disk)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Writes `length` bytes and syncs. `write` may return short without an error when a disk fills, hence the loop. */
  append(bytes: Uint8Array, length: number, done: (failure?: AppendFailure) => void): void {
    const { fd } = this.#handle
    const from = (offset: number) => {
      this.#disk.write(fd, bytes, offset, length - offset, (error, written) => {
        if (error) return done({ stage: 'write', error })
        if (written <= 0) return done({ stage: 'write', error: new Error('the kernel wrote nothing') })
        if (offset + written < length) return from(offset + written)
        this.#disk.sync(fd, (failed) => {
          if (failed) return done({ stage: 'sync', error: failed })
          this.#bytes += length
          done()
        })
      })
    }
    from(0)
  }

  /** Cuts off what followed the last complete group. */
  cutBack(done: (failure?: AppendFailure) => void): void {
    const { fd } = this.#handle
    this.#disk.truncate(fd, this.#bytes, (error) => {
      if (error) return done({ stage: 'write', error })
      this.#disk.sync(fd, (failed) => (failed ? done({ stage: 'sync', error: failed }) : done()))
    })
  }

  get bytes(): number {
    return this.#bytes
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  /** For the end of the process after a fatal error: waits for nothing. */
  abandon(): void {
    this.#handle.close().catch(() => {})
  }
}
