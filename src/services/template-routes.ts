import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { listOf, NameParam } from '../http/shapes.ts'
import { type Service, serviceProblem, serviceProblems } from './contract.ts'
import { diffTemplate } from './diff-template.ts'
import { ServiceTemplate } from './service-template.ts'
import { serviceTemplateSchema } from './template-schema.ts'
import { TemplateSummary, templateSummary } from './template-summary.ts'
import { findTemplate, templates } from './templates/catalogue.ts'

export const listServiceTemplates = endpoint({
  method: 'GET',
  path: '/claviger/v1/service-templates',
  caller: 'operator',
  summary: 'List the bundled templates that services can be made of',
  reply: listOf(TemplateSummary),
})

export const showServiceTemplate = endpoint({
  method: 'GET',
  path: '/claviger/v1/service-templates/{name}',
  caller: 'operator',
  summary: 'Show a bundled template, whole',
  params: NameParam,
  reply: ServiceTemplate,
  problems: serviceProblems,
})

export const diffServiceTemplate = endpoint({
  method: 'POST',
  path: '/claviger/v1/services/{name}/template-diff',
  caller: 'operator',
  role: 'auditor',
  summary: 'Say in what a service differs from its template, or from another',
  params: NameParam,
  body: z.strictObject({
    /** Name of one that is bundled, or a whole one; left out: the one that the service was made from. */
    template: z.union([z.string().max(64), ServiceTemplate]).optional(),
  }),
  reply: z.object({
    service: z.string(),
    template: z.string(),
    differences: z.array(
      z.object({
        /** What is not the same, as `actions.repo.get.path`. */
        member: z.string(),
        /** JSON; absent where that side has nothing. */
        service: z.string().optional(),
        template: z.string().optional(),
      }),
    ),
  }),
  problems: serviceProblems,
})

export const serviceTemplateSchemaDocument = endpoint({
  method: 'GET',
  path: '/claviger/v1/service-template.schema.json',
  caller: 'anyone',
  summary: 'The JSON Schema of service templates',
  reply: z.looseObject({}),
  cacheSeconds: 3_600,
})

export function serviceTemplateRoutes<Who>(find: (nameOrId: string) => Service): BoundEndpoint<Who>[] {
  const schema = serviceTemplateSchema()
  return [
    bind(listServiceTemplates, () => ({ items: templates.map(templateSummary) })),
    bind(showServiceTemplate, ({ params }) => findTemplate(params.name)),
    bind(diffServiceTemplate, ({ params, body }) => {
      const { name, view } = find(params.name)
      const { id: _, name: __, createdAt: ___, updatedAt: ____, ...definition } = view
      const asked = body.template ?? view.template ?? templates.find((template) => template.name === name)?.name
      if (asked === undefined) throw serviceProblem('service_without_template', { facts: { service: name } })
      const template = typeof asked === 'string' ? findTemplate(asked) : asked
      const differences = diffTemplate(name, definition, template).map(({ member, service, template: there }) => ({
        member,
        ...(service !== undefined && { service }),
        ...(there !== undefined && { template: there }),
      }))
      return { service: name, template: template.name, differences }
    }),
    bind(serviceTemplateSchemaDocument, () => schema),
  ]
}
