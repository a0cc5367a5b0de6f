// Files that are written from the code say what the code says now.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generated as generate } from '../generated.ts'
import type { Rule } from './rule.ts'
import { root } from './run-tool.ts'

export const generated: Rule = {
  name: 'generated files',
  async check() {
    const files = await generate()
    const findings = [...files].flatMap(([path, text]) =>
      textOf(path) === text ? [] : [`${path} is out of date: npm run generate`],
    )
    return { read: files.size, unit: 'files', findings }
  },
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return undefined
  }
}
