// How often the storage failed lately. A disk that fails again and again must not be served from after each restart.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const WINDOW_MS = 600_000
const LIMIT = 3

const fileOf = (home: string) => join(home, 'faults')

/** Notes a fatal storage fault. Called while the process dies, so it does what it can: the disk may refuse this too. */
export function noteFault(home: string, now: number): void {
  try {
    const recent = recentFaults(home, now)
    writeFileSync(fileOf(home), [...recent, now].map((time) => `${time}\n`).join(''), { mode: 0o600 })
  } catch {
    // Nothing can be noted on a disk that takes nothing.
  }
}

/** Whether the last ten minutes saw three faults: then the vault stays sealed until an operator unseals it. */
export function failsAgainAndAgain(home: string, now: number): boolean {
  return recentFaults(home, now).length >= LIMIT
}

/** An operator looked and went on. */
export function forgetFaults(home: string): void {
  rmSync(fileOf(home), { force: true })
}

function recentFaults(home: string, now: number): number[] {
  let text: string
  try {
    text = readFileSync(fileOf(home), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return text
    .split('\n')
    .map(Number)
    .filter((time) => time > now - WINDOW_MS && time <= now)
}
