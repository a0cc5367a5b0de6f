import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
}

/** Why loop images cannot be used here, or undefined. */
export function noLoopImages(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting a loop image needs root'
  const folder = mkdtempSync(join(tmpdir(), 'claviger-loop-'))
  try {
    LoopImage.make(folder, 16).remove()
    return undefined
  } catch (error) {
    return `loop images do not work here: ${(error as Error).message}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** An ext4 file system in a file, mounted. What was never flushed is not in a copy of the file, as after a power cut. */
export class LoopImage {
  readonly folder: string
  readonly #file: string

  private constructor(file: string, folder: string) {
    this.#file = file
    this.folder = folder
    mkdirSync(folder)
    run('mount', '-o', 'loop', file, folder)
  }

  static make(parent: string, megabytes: number): LoopImage {
    const file = join(parent, 'image')
    writeFileSync(file, '')
    truncateSync(file, megabytes << 20)
    run('mkfs.ext4', '-q', '-F', file)
    return new LoopImage(file, join(parent, 'mount'))
  }

  /** A copy of the image as the disk is now, mounted beside it. The writer must be stopped meanwhile. */
  copy(name: string): LoopImage {
    run('cp', '--sparse=always', this.#file, `${this.#file}-${name}`)
    return new LoopImage(`${this.#file}-${name}`, `${this.folder}-${name}`)
  }

  remove(): void {
    // Lazily, so that a file still open after a failed trial does not hide what failed.
    run('umount', '--lazy', this.folder)
    rmSync(this.folder, { recursive: true })
    rmSync(this.#file)
  }
}
