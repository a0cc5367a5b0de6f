import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { type Clock, systemClock } from '../ground/clock.ts'

/** The system's own table of names (hosts(5)), which goes before the name system. */
export interface HostsFile {
  /** Addresses written for the name, in order; empty if there are none or the file cannot be read. */
  addresses(host: string): Promise<readonly string[]>
}

const LOOK_AGAIN_MS = 5_000
const MAX_BYTES = 8 * 1024 * 1024

/** Reads `path` on first use, and again when it has changed; it is looked at no more often than every five seconds. */
export function createHostsFile(path = '/etc/hosts', clock: Clock = systemClock): HostsFile {
  let table: ReadonlyMap<string, readonly string[]> = new Map()
  let stamp = ''
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined
  const refresh = async () => {
    try {
      const { mtimeMs, size } = await stat(path)
      if (`${mtimeMs} ${size}` === stamp || size > MAX_BYTES) return
      table = parseHosts(await readFile(path, 'utf8'))
      stamp = `${mtimeMs} ${size}`
    } catch {
      table = new Map()
      stamp = ''
    }
  }
  return {
    async addresses(host) {
      if (clock.mono() - lookedAt >= LOOK_AGAIN_MS) {
        lookedAt = clock.mono()
        looking = refresh()
      }
      await looking
      return table.get(host) ?? []
    },
  }
}

/** hosts(5): address, then names; `#` starts a comment. Lines whose address carries a zone are left out. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const table = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (address === undefined || isIP(address) === 0 || address.includes('%')) continue
    for (const name of names) {
      const key = name.toLowerCase()
      const before = table.get(key)
      if (before === undefined) table.set(key, [address])
      else before.push(address)
    }
  }
  return table
}
