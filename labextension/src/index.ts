import { badgePlugin } from './badge';
import { panelPlugin } from './panel/plugin';
import { runningPlugin } from './running/plugin';
import { sessionPlugin } from './session/plugin';

export * from './tokens';
export default [sessionPlugin, panelPlugin, badgePlugin, runningPlugin];
