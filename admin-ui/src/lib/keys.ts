/** Keys that command the player wherever the focus is, as video sites have them. */

/** How far an arrow jumps, in seconds. */
const JUMP = 10

/** Does what a key means for `media`; false when it means nothing. */
export function command(media: HTMLMediaElement, frame: HTMLElement, key: string): boolean {
  switch (key.toLowerCase()) {
    case ' ':
    case 'k':
      if (media.paused) void media.play().catch(() => undefined)
      else media.pause()
      return true
    case 'm':
      media.muted = !media.muted
      return true
    case 'f':
      if (document.fullscreenElement) void document.exitFullscreen()
      else void frame.requestFullscreen?.().catch(() => undefined)
      return true
    case 'arrowleft':
      media.currentTime -= JUMP
      return true
    case 'arrowright':
      media.currentTime += JUMP
      return true
    default:
      return false
  }
}

/** Whether an event is meant for the page, and not for what has the focus. */
export function isFree(event: KeyboardEvent): boolean {
  const focus = event.target instanceof Element ? event.target : null
  const taken = focus?.closest('input, textarea, select, button, a, video, audio')
  return !taken && !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented
}
