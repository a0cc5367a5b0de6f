import { readFileSync } from 'node:fs'

/** The lines of a table of the kernel's, without those of its head; none where it cannot be read. */
export function linesOf(file: string, head = 1): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .slice(head)
      .filter((line) => line !== '')
  } catch {
    return []
  }
}
