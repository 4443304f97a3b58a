import { serve } from "heddle/worker";
import * as dags from "./dags.js";
import { allNested } from "./nested.js";

const { movingNodes: _, ...served } = dags;
serve(...Object.values(served), ...allNested);
