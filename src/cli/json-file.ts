import { cliProblem } from './problems.ts'
import { readSmallFile } from './secret-source.ts'

/** The JSON object that a file of at most 64 KiB holds. Throws Problem `usage`, `file_unreadable`. */
export function jsonFile(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readSmallFile(path, 'file_unreadable').toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // The message of the parser repeats what stands there, which may be a secret in the wrong place.
    const where = /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message)?.[0]
    throw cliProblem('usage', { detail: `${path} is not JSON${where === undefined ? '' : ` ${where}`}.` })
  }
  throw cliProblem('usage', { detail: `${path} does not hold a JSON object.` })
}
