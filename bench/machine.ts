import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { median } from './measure.ts'

/** Where and on what the figures were taken; without it they mean nothing. */
export function machine(): Record<string, string | number> {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: git(['rev-parse', '--short', 'HEAD']),
    changed: git(['status', '--porcelain', '--untracked-files=no']) === '' ? 'no' : 'yes',
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    appendAndSyncMs: appendAndSyncMs(),
  }
}

/** Median of 400 bytes appended and synced with `fdatasync`, milliseconds: what durability costs on this disk. */
export function appendAndSyncMs(): number {
  const home = mkdtempSync(join(tmpdir(), 'claviger-sync-'))
  const fd = openSync(join(home, 'file'), 'a')
  const line = Buffer.alloc(400, 'x')
  const times: number[] = []
  for (let i = 0; i < 500; i++) {
    const start = performance.now()
    writeSync(fd, line)
    fdatasyncSync(fd)
    times.push(performance.now() - start)
  }
  closeSync(fd)
  rmSync(home, { recursive: true, force: true })
  return Number(median(times).toFixed(3))
}

function git(args: readonly string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
