import type { z } from 'zod'
import type { JsonValue } from '../../ground/strict-json.ts'
import { doorProblem } from './contract.ts'

/** Throws Problem `clawgate_invalid`, which names the first member that does not fit. */
export function readShape<T extends z.ZodType>(shape: T, body: JsonValue): z.output<T> {
  const read = shape.safeParse(body)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const member = issue?.path.join('.') || 'body'
  throw doorProblem('clawgate_invalid', { detail: `${member}: ${issue?.message ?? 'not as promised'}` })
}
