import { z } from 'zod'
import { RuleInput } from './contract.ts'

/** What rules are written by, as JSON Schema 2020-12. */
export function ruleSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(RuleInput, { io: 'input' })
  const title = 'Rule of Claviger'
  return { $schema, title, description: 'Written by `npm run generate` from src/rules/contract.ts.', ...schema }
}
