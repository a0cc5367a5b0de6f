import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from './new-file.ts'

/** Adds a line to the home's settings, which the next start reads. One that is set there stays: `same` or `other`. */
export function setInHome(home: string, name: string, value: string, why: string): 'set' | 'same' | 'other' {
  const path = join(home, 'env')
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const set = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=(.*)$`, 'm').exec(text)
  if (set !== null) return set[1]?.trim() === value ? 'same' : 'other'
  replaceFile(path, `${text.replace(/\n*$/, '\n')}\n# ${why}\n${name}=${value}\n`)
  return 'set'
}
