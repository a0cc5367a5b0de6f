import { cliProblem } from './problems.ts'
import { readAll, readSmallFile } from './secret-source.ts'
import type { Terminal } from './terminal.ts'

/** The JSON object that a file of at most 64 KiB holds. Throws Problem `file_not_json`, `file_unreadable`. */
export function jsonFile(path: string): Record<string, unknown> {
  return jsonObject(readSmallFile(path, 'file_unreadable').toString('utf8'), path)
}

/** The same of what was given in its place: JSON as it is, which begins with `{`, or `-` for what stdin holds. */
export async function jsonGiven(given: string, { stdin }: Terminal): Promise<Record<string, unknown>> {
  if (given === '-') return jsonObject((await readAll(stdin)).toString('utf8'), 'stdin')
  return given.trimStart().startsWith('{') ? jsonObject(given, 'What was given') : jsonFile(given)
}

function jsonObject(text: string, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // The message of the parser repeats what stands there, which may be a secret in the wrong place.
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(error.message) ?? []
    const where = line === undefined ? '' : ` (line ${line}, column ${column})`
    throw cliProblem('file_not_json', { detail: `${what} is not JSON${where}.` })
  }
  throw cliProblem('file_not_json', { detail: `${what} holds JSON, and no object: it begins with { and ends with }.` })
}
