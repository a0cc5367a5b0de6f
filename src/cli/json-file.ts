import { cliProblem } from './problems.ts'
import { readSmallFile } from './secret-source.ts'

/** The JSON object that a file of at most 64 KiB holds. Throws Problem `file_not_json`, `file_unreadable`. */
export function jsonFile(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readSmallFile(path, 'file_unreadable').toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // The message of the parser repeats what stands there, which may be a secret in the wrong place.
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(error.message) ?? []
    const where = line === undefined ? '' : ` (line ${line}, column ${column})`
    throw cliProblem('file_not_json', { detail: `${path} is not JSON${where}.` })
  }
  throw cliProblem('file_not_json', { detail: `${path} holds JSON, and no object: it begins with { and ends with }.` })
}
