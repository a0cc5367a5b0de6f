import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The version of this program, from its package.json. */
export function version(): string {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')
  return String(JSON.parse(text).version)
}
