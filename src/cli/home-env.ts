import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from './new-file.ts'

/** What the home's file of settings sets; undefined for nothing. */
export function settingInHome(home: string, name: string): string | undefined {
  return new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=(.*)$`, 'm').exec(textOf(home))?.[1]?.trim()
}

/** Adds a line to the home's settings, which the next start reads. One that is set there stays: `same` or `other`. */
export function setInHome(home: string, name: string, value: string, why: string): 'set' | 'same' | 'other' {
  const set = settingInHome(home, name)
  if (set !== undefined) return set === value ? 'same' : 'other'
  replaceFile(pathOf(home), `${textOf(home).replace(/\n*$/, '\n')}\n# ${why}\n${name}=${value}\n`)
  return 'set'
}

const pathOf = (home: string) => join(home, 'env')
const textOf = (home: string) => (existsSync(pathOf(home)) ? readFileSync(pathOf(home), 'utf8') : '')
