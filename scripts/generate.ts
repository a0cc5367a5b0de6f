// npm run generate: writes the files that are made from the code.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generated } from './generated.ts'

for (const [path, text] of await generated()) {
  const target = join(import.meta.dirname, '..', path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
  console.log(`wrote ${path}`)
}
