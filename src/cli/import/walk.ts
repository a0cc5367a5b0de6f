// The files below a folder that can hold a secret in the clear: no links are followed, so a loop of them ends nothing.
import { lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileTrouble } from '../file-trouble.ts'
import type { Remark } from './found.ts'

/** What others put there: secrets in it are not the user's. */
const skipped = new Set(['.git', 'node_modules', '.venv', 'venv', '__pycache__'])

export interface Walked {
  readonly files: readonly string[]
  readonly remarks: readonly Remark[]
}

/** `path` itself if it is a file. Folders that cannot be read are said. */
export function walk(path: string): Walked {
  const files: string[] = []
  const remarks: Remark[] = []
  const todo = [path]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    try {
      const stat = next === path ? statSync(next) : lstatSync(next)
      if (stat.isDirectory()) {
        const names = readdirSync(next).filter((name) => !skipped.has(name))
        todo.push(...names.map((name) => join(next, name)))
      } else if (stat.isFile() || next === path) files.push(next)
    } catch (error) {
      remarks.push({ file: next, why: fileTrouble(error), failed: true })
    }
  }
  return { files: files.sort(), remarks }
}
