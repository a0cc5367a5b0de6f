import { z } from 'zod'
import { ServiceTemplate } from './service-template.ts'

/** What files of service templates are written by, as JSON Schema 2020-12. */
export function serviceTemplateSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(ServiceTemplate, { io: 'input' })
  const title = 'Service template of Claviger'
  return {
    $schema,
    title,
    description: 'Written by `npm run generate` from src/services/service-template.ts.',
    ...schema,
  }
}
