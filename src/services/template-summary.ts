import { z } from 'zod'
import type { ServiceTemplate } from './service-template.ts'

export const TemplateSummary = z.object({
  name: z.string(),
  aliases: z.array(z.string()).optional(),
  title: z.string(),
  docs: z.string(),
  origins: z.array(z.string()),
  injection: z.string(),
  actions: z.int(),
  /** Actions that nobody compared with the provider's reference. */
  unverified: z.int(),
})

/** What `claviger service template list` and the console show of one. */
export function templateSummary(template: ServiceTemplate): z.input<typeof TemplateSummary> {
  const { name, aliases, title, docs, origins, injection } = template
  const actions = Object.values(template.actions)
  return {
    name,
    ...(aliases !== undefined && { aliases }),
    title,
    docs,
    origins,
    injection: injection.kind,
    actions: actions.length,
    unverified: actions.filter(({ unverified }) => unverified === true).length,
  }
}
