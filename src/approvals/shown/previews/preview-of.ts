/** All previews there are. The first that knows the call makes it; a call that none knows has none. */
import type { Preview, Warn } from '../shown.ts'
import { previewGmail, previewSendgrid } from './email.ts'
import { previewGitPush } from './git-push.ts'
import { previewGithub } from './github.ts'
import type { MakePreview, PreviewRequest } from './request.ts'
import { previewSlack } from './slack.ts'
import { previewStripe } from './stripe.ts'

const previews: readonly MakePreview[] = [
  previewSendgrid,
  previewGmail,
  previewGithub,
  previewSlack,
  previewStripe,
  previewGitPush,
]

export function previewOf(request: PreviewRequest, warn: Warn): Preview | undefined {
  for (const make of previews) {
    const preview = make(request, warn)
    if (preview !== undefined) return preview
  }
  return undefined
}
